"""What is in the mock account, as JSON in which two accounts are equal if they serve the same:
ids, dates and version numbers are left out, secrets' values are not."""
import json
import re
import sys

import boto3

iam, functions, gateway, logs = map(boto3.client, ("iam", "lambda", "apigateway", "logs"))


def pages(client, operation, member, **arguments):
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page[member]


def role(found):
    name = found["RoleName"]
    policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return {
        "trust": found["AssumeRolePolicyDocument"],
        "policies": {
            policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in policies
        },
        "attached": [policy["PolicyArn"] for policy in attached],
        "tags": iam.get_role(RoleName=name)["Role"].get("Tags", []),
    }


def state(configuration):
    wanted = ("Runtime", "Handler", "MemorySize", "Timeout", "Role", "Architectures", "CodeSha256",
              "Environment")
    return {name: configuration.get(name) for name in wanted}


def function(found):
    name = found["FunctionName"]
    whole = functions.get_function(FunctionName=name)
    aliases = functions.list_aliases(FunctionName=name)["Aliases"]
    live = {alias["Name"]: alias["FunctionVersion"] for alias in aliases}
    try:
        policy = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
    except functions.exceptions.ResourceNotFoundException:
        policy = []
    versions = functions.list_versions_by_function(FunctionName=name)["Versions"]
    return {
        "latest": state(found),
        "live": {
            alias: state(functions.get_function_configuration(FunctionName=name, Qualifier=version))
            for alias, version in live.items()
        },
        "versions": len(versions) - 1,
        "tags": whole.get("Tags", {}),
        "concurrency": whole.get("Concurrency"),
        "policy": [without_ids(statement) for statement in policy],
    }


def log_group(found):
    arn = found["arn"].removesuffix(":*")
    return {
        "retention": found.get("retentionInDays"),
        "tags": logs.list_tags_for_resource(resourceArn=arn)["tags"],
    }


def without_ids(value):
    return json.loads(re.sub(r'(execute-api:[^:]*:\d+:)[a-z0-9]+', r"\1API", json.dumps(value)))


def method(found):
    integration = found.get("methodIntegration", {})
    return {
        "key": found.get("apiKeyRequired"),
        "parameters": found.get("requestParameters") or {},
        "type": integration.get("type"),
        "uri": integration.get("uri"),
    }


def api(found):
    identity = found["id"]
    resources = list(pages(gateway, "get_resources", "items", restApiId=identity, embed=["methods"]))
    paths = [resource["path"] for resource in resources]
    assert len(paths) == len(set(paths)), f"a path twice: {paths}"
    stages = gateway.get_stages(restApiId=identity)["item"]
    deployments = list(pages(gateway, "get_deployments", "items", restApiId=identity))
    served = {deployment["id"]: deployment.get("description") for deployment in deployments}
    public = {path.replace("/", "~1") for path in paths}
    return {
        "resources": {
            resource["path"]: {
                name: method(found)
                for name, found in resource.get("resourceMethods", {}).items()
            }
            for resource in resources
        },
        "responses": gateway.get_gateway_responses(restApiId=identity)["items"],
        "stages": {
            stage["stageName"]: {
                "serves": served[stage["deploymentId"]],
                "throttle": {
                    at: (setting["throttlingRateLimit"], setting["throttlingBurstLimit"])
                    for at, setting in stage.get("methodSettings", {}).items()
                    # The mock keeps the settings of a method that is gone.
                    if at.rsplit("/", 1)[0] in public
                },
                "tags": stage.get("tags", {}),
            }
            for stage in stages
        },
        "deployments": len(deployments),
        "tags": found.get("tags", {}),
    }


def usage_plan(found):
    keys = list(pages(gateway, "get_usage_plan_keys", "items", usagePlanId=found["id"]))
    return {
        "stages": [stage["stage"] for stage in found["apiStages"]],
        "keys": [key["name"] for key in keys],
        "tags": found.get("tags", {}),
    }


account = {
    "roles": {found["RoleName"]: role(found) for found in pages(iam, "list_roles", "Roles")},
    "functions": {
        found["FunctionName"]: function(found)
        for found in pages(functions, "list_functions", "Functions")
    },
    "logs": {
        found["logGroupName"]: log_group(found)
        for found in pages(logs, "describe_log_groups", "logGroups")
    },
    # Lists, not objects by name: there could be two of a name.
    "apis": [[found["name"], api(found)] for found in pages(gateway, "get_rest_apis", "items")],
    "usage plans": [
        [found["name"], usage_plan(found)] for found in pages(gateway, "get_usage_plans", "items")
    ],
    "keys": [found["name"] for found in pages(gateway, "get_api_keys", "items")],
}
json.dump(account, sys.stdout, indent=1, sort_keys=True)
