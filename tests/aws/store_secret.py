"""Keeps a text where AWS keeps secrets, and prints its ARN: KIND NAME TEXT."""
import sys

import boto3

kind, name, text = sys.argv[1:]
if kind == "secret":
    print(boto3.client("secretsmanager").create_secret(Name=name, SecretString=text)["ARN"])
else:
    parameters = boto3.client("ssm")
    parameters.put_parameter(Name=name, Value=text, Type="SecureString")
    print(parameters.get_parameter(Name=name)["Parameter"]["ARN"])
