"""A picture from the server with the client of OpenAI, and one drawn instruction.

    pip install openai && python flowinone-serve/examples/client.py [http://127.0.0.1:7860]
"""

import base64
import json
import sys
from pathlib import Path

from openai import OpenAI

server = sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://127.0.0.1:7860"
client = OpenAI(base_url=f"{server}/v1", api_key="none")


def save(answer, name):
    Path(name).write_bytes(base64.b64decode(answer.data[0].b64_json))
    print(name, answer.size, answer.data[0].flowinone)


apple = client.images.generate(prompt="apple on yellow", extra_body={"seed": 7})
save(apple, "apple.png")

# The same picture, pushed to the right: any of the eight tasks is a word of "flowinone".
push = {"task": "force", "arrows": [{"at": {"from": ["50%", "50%"], "to": ["80%", "50%"]}}]}
pushed = client.images.edit(image=Path("apple.png"), prompt="", extra_body={"flowinone": json.dumps(push)})
save(pushed, "pushed.png")
