"""Starts moto's server, with three corrections where it differs from AWS:

- A version gets a new number. Moto counts the versions that are left, so it can repeat the number
  of one that still exists.
- A deployment can be deleted when no stage serves it. Moto asks whether it was made with a stage.
- The settings of a method can be removed from a stage. Moto keeps them.
"""
from moto.apigateway.models import RestAPI, Stage
from moto.awslambda.models import LambdaStorage
from moto.server import main

publish = LambdaStorage.publish_version


def publish_with_a_new_number(storage, name_or_arn, description=""):
    published = publish(storage, name_or_arn, description)
    name = storage.get_function_by_name_or_arn_forbid_qualifier(name_or_arn).function_name
    older = [version for version in storage._functions[name]["versions"] if version is not published]
    newest = max((version.version for version in older), default=0)
    if published.version <= newest:
        published.set_version(newest + 1)
        for version in [*older, published]:
            storage._arns[version.function_arn] = version
    return published


delete_deployment = RestAPI.delete_deployment


def delete_what_no_stage_serves(api, deployment_id):
    deployment = api.deployments.get(deployment_id)
    if deployment and all(stage.deployment_id != deployment_id for stage in api.stages.values()):
        deployment.stage_name = None
    return delete_deployment(api, deployment_id)


apply_operations = Stage.apply_operations


def apply_operations_and_remove_settings(stage, operations):
    for operation in operations:
        if operation["op"] == "remove":
            stage.method_settings.pop(operation["path"].removeprefix("/"), None)
    return apply_operations(stage, operations)


Stage.apply_operations = apply_operations_and_remove_settings
RestAPI.delete_deployment = delete_what_no_stage_serves
LambdaStorage.publish_version = publish_with_a_new_number
main()
