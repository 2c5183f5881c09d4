"""Lists the services of a gRPC server by reflection, and calls each of their methods: TARGET TOKEN USER CERTIFICATE."""

import json
import sys

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

target, token, user, certificate = sys.argv[1:5]
options = [("grpc.enable_http_proxy", 0)]
if certificate:
    with open(certificate, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    channel = grpc.secure_channel(target, credentials, options)
else:
    channel = grpc.insecure_channel(target, options)
database = ProtoReflectionDescriptorDatabase(channel)
pool = descriptor_pool.DescriptorPool(database)

# An in-app notification.
notification = {"targetUserId": user, "type": "in-app", "payload": json.dumps({"title": "Hello"})}
account = {"email": "grpc@example.com", "username": "grpc", "password": "correct horse battery"}
answers = {}

# The requests, in the order of the calls. A function reads earlier answers.
requests = {
    "tidings.v1.Notifications": {
        "Send": {"notification": notification},
        "SendBatch": {"notifications": [notification, notification]},
        "StreamSend": {"notification": notification},
    },
    "user.UserService": {
        "Register": account,
        "Login": {"email": account["email"], "password": account["password"]},
        "GetUser": {},
        "RefreshToken": lambda: {"refreshToken": answers["Login"]["refreshToken"]},
        "Logout": lambda: {"refreshToken": answers["RefreshToken"]["refreshToken"]},
    },
    "grpc.health.v1.Health": {"Check": {}, "Watch": {}},
    "grpc.reflection.v1.ServerReflection": {"ServerReflectionInfo": {"listServices": ""}},
    "grpc.reflection.v1alpha.ServerReflection": {"ServerReflectionInfo": {"listServices": ""}},
}


def call(service, method, request, metadata):
    """Calls a method with one message, and returns the first answer."""
    kinds = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, True): channel.stream_stream,
    }
    answer = message_factory.GetMessageClass(method.output_type)
    message = message_factory.GetMessageClass(method.input_type)()
    json_format.ParseDict(request, message)
    invoke = kinds[(method.client_streaming, method.server_streaming)](
        f"/{service}/{method.name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer.FromString,
    )
    sent = iter([message]) if method.client_streaming else message
    answered = invoke(sent, metadata=metadata, timeout=20)
    if method.server_streaming:
        stream, answered = answered, next(answered)
        stream.cancel()
    return json_format.MessageToDict(answered)


services = database.get_services()
assert sorted(services) == sorted(requests), services
for service, methods in requests.items():
    descriptor = pool.FindServiceByName(service)
    assert sorted(method.name for method in descriptor.methods) == sorted(methods), service
    for name, request in methods.items():
        request = request() if callable(request) else request
        bearer = answers["Login"]["accessToken"] if name == "GetUser" else token
        method = descriptor.methods_by_name[name]
        answers[name] = call(service, method, request, [("authorization", f"Bearer {bearer}")])
        print(f"{service}/{name} OK", flush=True)

assert answers["Send"]["accepted"]["messageId"], answers
assert answers["SendBatch"]["accepted"] == 2, answers
assert answers["StreamSend"]["result"]["accepted"]["messageId"], answers
assert answers["Register"]["user"]["username"] == "grpc", answers
assert answers["GetUser"]["user"] == answers["Register"]["user"], answers
assert answers["Check"] == answers["Watch"] == {"status": "SERVING"}, answers

# Errors have the status and the code of the HTTP API.
send = pool.FindServiceByName("tidings.v1.Notifications").methods_by_name["Send"]
for metadata, expected in [
    ([], grpc.StatusCode.UNAUTHENTICATED),
    ([("authorization", f"Bearer {token}")], grpc.StatusCode.INVALID_ARGUMENT),
]:
    try:
        call("tidings.v1.Notifications", send, {}, metadata)
    except grpc.RpcError as error:
        assert error.code() == expected, error
        trailers = dict(error.trailing_metadata()) | dict(error.initial_metadata() or [])
        assert trailers["x-request-id"], trailers
    else:
        raise AssertionError("no error")
