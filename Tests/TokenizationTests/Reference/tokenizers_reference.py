"""What the `tokenizers` library makes of texts.

usage: tokenizers_reference.py TOKENIZER.JSON < TEXTS.JSON

Reads a JSON list of texts, prints a JSON list of {"ids": [...], "text": decoded}.
"""

import json
import sys

from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(sys.argv[1])
tokenizer.no_truncation()
tokenizer.no_padding()
encodings = [tokenizer.encode(text).ids for text in json.load(sys.stdin)]
print(json.dumps([{"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=False)} for ids in encodings]))
