"""Runs Gimel's handler for one invocation of Lambda's runtime API."""
import json
import os
import urllib.request

from gimel import gimel

api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation"
with urllib.request.urlopen(api + "/next") as invocation:
    event = json.load(invocation)
    request_id = invocation.headers["lambda-runtime-aws-request-id"]
answer = gimel.track(event["queryStringParameters"], None)
body = json.dumps({"statusCode": 200, "body": json.dumps(answer)}).encode()
urllib.request.urlopen(urllib.request.Request(f"{api}/{request_id}/response", body))
