"""Gimel's handler behind gunicorn. Gives it the query string's parameters, as API Gateway does."""
from urllib.parse import parse_qsl

from gimel import gimel


def app(environ, start_response):
    gimel.track(dict(parse_qsl(environ["QUERY_STRING"])), None)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "4")])
    return [b"null"]
