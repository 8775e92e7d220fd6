"""Writes lines to a function's log group, one millisecond apart: FUNCTION LINE…"""
import sys
import time

import boto3

function, *lines = sys.argv[1:]
logs = boto3.client("logs")
group, stream = f"/aws/lambda/{function}", f"{time.time_ns()}"
logs.create_log_stream(logGroupName=group, logStreamName=stream)
now = time.time_ns() // 1_000_000
events = [{"timestamp": now + number, "message": line} for number, line in enumerate(lines)]
logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
