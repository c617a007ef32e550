"""Judges Kubernetes manifests by the API's own schemas, strictly: kubernetes.py FILE..."""
import sys

import kubernetes_validate
import yaml

wrong = 0
for path in sys.argv[1:]:
    with open(path) as file:
        for document in yaml.safe_load_all(file):
            try:
                kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
            except Exception as error:
                print(f"{path}: {document.get('kind')}: {error}")
                wrong += 1
sys.exit(1 if wrong else 0)
