"""Connects redis-py, prints what the server knows of the connection, and tries
what its parsers expect of replies."""
import sys

import redis

_, url, name, _ = sys.argv[1:]
client = redis.Redis.from_url(url, client_name=name, decode_responses=True)
assert client.ping()
assert client.set("k", "v", ex=100) and client.get("k") == "v"
assert 90 < client.ttl("k") <= 100
assert client.info("server")["redis_version"].startswith("7.")
assert client.info("keyspace")["db2"]["keys"] == 1
assert client.config_get("databases") == {"databases": "16"}
assert client.client_list()[0]["name"] == name
assert client.client_getname() == name
assert client.client_id() > 0
assert client.command_count() > 80 and "get" in client.command()
with client.pipeline(transaction=True) as pipe:
    assert pipe.incr("n").get("n").execute() == [1, "1"]
try:
    client.incr("k")
    raise AssertionError("INCR of a word")
except redis.ResponseError as err:
    assert "not an integer" in str(err)
assert client.delete("k", "n") == 2
print(" ".join("%s=%s" % pair for pair in client.client_info().items()))
