"""Speaks LSP with einsum-lsp-server over its standard input and output.

    speak.py SERVER FILE STEP...

Opens FILE, then performs the steps and prints what the server says, one line of JSON per diagnostic or result:

    hover L:C        hover at line L, column C, both counted from 1
    complete L:C     labels that are proposed there
    replace OLD NEW  changes the text
    raw TEXT         sends TEXT as it is (with \\r and \\n)
"""
import json
import subprocess
import sys
from pathlib import Path


class Server:
    def __init__(self, command):
        self.process = subprocess.Popen([command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.last = 0

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def read(self):
        length = None
        while (line := self.process.stdout.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if length is None:
            sys.exit("the server is gone")
        return json.loads(self.process.stdout.read(length))

    def request(self, method, params):
        """The result; diagnostics on the way are printed."""
        self.last += 1
        self.send({"id": self.last, "method": method, "params": params})
        while True:
            message = self.read()
            if message.get("id") == self.last:
                return message.get("result", message.get("error"))
            show(message)

    def notify(self, method, params):
        self.send({"method": method, "params": params})


def show(message):
    if message.get("method") == "textDocument/publishDiagnostics":
        found = message["params"]["diagnostics"]
        print("diagnostics:", len(found))
        for one in found:
            start, end = one["range"]["start"], one["range"]["end"]
            print(f"  {start['line'] + 1}:{start['character'] + 1}-{end['line'] + 1}:{end['character'] + 1} severity {one['severity']}: {one['message']}")
            for note in one.get("relatedInformation", []):
                at = note["location"]["range"]["start"]
                print(f"    {at['line'] + 1}:{at['character'] + 1}: {note['message']}")


def main():
    server, file, steps = Server(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    text = file.read_text(encoding="utf-8")
    document = {"uri": file.resolve().as_uri()}
    capabilities = server.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})["capabilities"]
    print("provides:", *sorted(key for key in capabilities if key in ("hoverProvider", "completionProvider", "definitionProvider")))
    server.notify("initialized", {})
    server.notify("textDocument/didOpen", {"textDocument": {**document, "languageId": file.suffix[1:], "version": 1, "text": text}})
    show(server.read())
    version = 1
    while steps:
        step = steps.pop(0)
        if step == "replace":
            text = text.replace(steps.pop(0), steps.pop(0))
            version += 1
            server.notify("textDocument/didChange", {"textDocument": {**document, "version": version}, "contentChanges": [{"text": text}]})
            show(server.read())
        elif step == "raw":
            server.process.stdin.write(steps.pop(0).encode().decode("unicode_escape").encode())
            server.process.stdin.flush()
        else:
            line, column = map(int, steps.pop(0).split(":"))
            position = {"line": line - 1, "character": column - 1}
            method = {"hover": "textDocument/hover", "complete": "textDocument/completion"}[step]
            result = server.request(method, {"textDocument": document, "position": position})
            if step == "hover":
                print("hover:", result["contents"]["value"] if result else "nothing")
            else:
                print("complete:", *sorted(item["label"] for item in result["items"]))
    server.notify("textDocument/didClose", {"textDocument": document})
    print("shutdown:", server.request("shutdown", None))
    server.notify("exit", None)
    server.process.stdin.close()
    print("exit code:", server.process.wait(timeout=30))


main()
