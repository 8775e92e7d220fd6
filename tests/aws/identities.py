"""What a take-over must not change: the ids of the APIs and the values of the keys."""
import json
import sys

import boto3

gateway = boto3.client("apigateway")
apis = gateway.get_rest_apis()["items"]
keys = gateway.get_api_keys(includeValues=True)["items"]
json.dump({"apis": [api["id"] for api in apis], "keys": [key["value"] for key in keys]}, sys.stdout)
