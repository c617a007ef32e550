"""Judges YAML files by a JSON Schema: schema.py SCHEMA FILE... A line for each: `good FILE`, or `bad FILE REASON`."""
import json
import re
import sys

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    """As YAML 1.2's core schema has it, which editors read: 1e9 is a number, yes and on are words."""


Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] not in ("tag:yaml.org,2002:float", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"), list("-+0123456789."))
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))

with open(sys.argv[1]) as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)


def check_defaults(schema):
    """A default that the key's own schema refuses would be put into files by editors."""
    if isinstance(schema, dict):
        if "default" in schema and "type" in schema:
            jsonschema.Draft202012Validator(schema).validate(schema["default"])
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            check_defaults(part)


check_defaults(schema)
validator = jsonschema.Draft202012Validator(schema)
for path in sys.argv[2:]:
    with open(path) as file:
        document = yaml.load(file, Loader)
    error = jsonschema.exceptions.best_match(validator.iter_errors(document))
    if error:
        print("bad", path, "/".join(map(str, error.absolute_path)), error.message.replace("\n", " ")[:200])
    else:
        print("good", path)
