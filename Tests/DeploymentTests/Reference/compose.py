"""Judges compose files by the compose specification's JSON schema: compose.py SCHEMA FILE..."""
import json
import sys

import jsonschema
import yaml

with open(sys.argv[1]) as file:
    schema = json.load(file)
validator = jsonschema.Draft7Validator(schema)
wrong = 0
for path in sys.argv[2:]:
    with open(path) as file:
        document = yaml.safe_load(file)
    for error in validator.iter_errors(document):
        print(f"{path}: {'/'.join(map(str, error.absolute_path))}: {error.message}")
        wrong += 1
sys.exit(1 if wrong else 0)
