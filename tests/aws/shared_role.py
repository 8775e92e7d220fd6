"""Gives all functions of the deployment `abtest` one role, as earlier versions of abtest did. Their
only version is that of deploy 1."""
import json
import os

import boto3

iam, functions = boto3.client("iam"), boto3.client("lambda")
region = os.environ["AWS_REGION"]
shared = f"abtest-{region}"
policies = []
names = [found["FunctionName"] for found in functions.list_functions()["Functions"]]
for name in names:
    own = f"{name}-{region}"
    trust = iam.get_role(RoleName=own)["Role"]["AssumeRolePolicyDocument"]
    policy = iam.get_role_policy(RoleName=own, PolicyName="abtest")["PolicyDocument"]
    policies += policy["Statement"]
    iam.delete_role_policy(RoleName=own, PolicyName="abtest")
    iam.delete_role(RoleName=own)
role = iam.create_role(
    RoleName=shared,
    AssumeRolePolicyDocument=json.dumps(trust),
    Tags=[{"Key": "abtest:deployment", "Value": "abtest"}],
)["Role"]
document = {"Version": "2012-10-17", "Statement": policies}
iam.put_role_policy(RoleName=shared, PolicyName="abtest", PolicyDocument=json.dumps(document))
for name in names:
    functions.update_function_configuration(FunctionName=name, Role=role["Arn"])
    version = functions.publish_version(FunctionName=name, Description="deploy 1")["Version"]
    functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    functions.delete_function(FunctionName=name, Qualifier="1")
