"""Gimel's own handler behind gunicorn, as a peer: what API Gateway hands it, from a query string."""
from urllib.parse import parse_qsl

from gimel import gimel


def app(environ, start_response):
    gimel.track(dict(parse_qsl(environ["QUERY_STRING"])), None)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "4")])
    return [b"null"]
