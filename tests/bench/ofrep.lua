-- Asks for the flags of a unit, as OpenFeature's clients do.
wrk.method = 'POST'
wrk.headers['content-type'] = 'application/json'
wrk.body = '{"context": {"targetingKey": "visitor-1", "country": "DE", "platform": "ios"}}'
