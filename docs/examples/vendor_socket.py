"""A till on a plain WebSocket: vendor_socket.py D1|D2|D3 PORT CONTEXT, beside vendor.json."""

import json
import ssl
import sys

from websockets.sync.client import connect

dialect, port, context = sys.argv[1:]
vendor = json.load(open("vendor.json"))
payment = {"terminal_id": "till-1", "amount": 420, "currency": "EUR"}
typed = {"type": "payment", **payment}
login, opening, path, headers = {
    "D1": (
        {"type": "authenticate", **vendor},
        {"type": "create_context", "requirements": typed},
        "/ws/vendor", {},
    ),
    "D2": (
        {"type": "vendor_hello", **vendor},
        {"type": "create_context", "context_type": "payment", "metadata": payment},
        "/ws/vendor", {},
    ),
    "D3": (
        None,
        {"type": "create_auth_context", "auth_type": "payment", "requirements": payment},
        "/vendor/connect",
        {"X-Vendor-Id": vendor["vendor_id"], "X-API-Key": vendor["api_key"]},
    ),
}[dialect]
ends = {"auth_result", "authentication_success", "authentication_failed"}
ends |= {"context_expired", "error"}
tls = ssl.create_default_context(cafile="gateway.pem")

with connect(f"wss://localhost:{port}{path}", ssl=tls, additional_headers=headers) as socket:
    if login:
        socket.send(json.dumps(login))
        print("login ", json.loads(socket.recv(timeout=10))["type"])
    socket.send(json.dumps({**opening, "context_id": context}))
    message = {}
    while message.get("type") not in ends or message.get("context_id", context) != context:
        message = json.loads(socket.recv(timeout=60))
        print("heard ", message["type"], message.get("context_id", ""))
    if "offset" in message:
        socket.send(json.dumps({"type": "acknowledge", "offset": message["offset"]}))

result = message.get("result", message)
paid = result.get("success", message["type"] == "authentication_success")
print(dialect, "paid" if paid else "NOT PAID", result.get("transaction_id", message))
sys.exit(not paid)
