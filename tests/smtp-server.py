#!/usr/bin/python3
"""An SMTP server for tests, by aiosmtpd: it keeps what it gets and answers as it is told.

Prints one JSON object a line: {"port": N} when it listens, then {"opened": N, "closed": N} whenever the
number of connections changes. Ends when its standard input does, so that it never outlives its test.
"""

import argparse
import asyncio
import json
import os
import ssl
import sys
import threading
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


def say(**what):
    print(json.dumps(what), flush=True)


class Connection(SMTP):
    """One connection, counted."""

    opened = 0
    closed = 0
    is_open = False
    mails = 0

    def connection_made(self, transport):
        # Called again when STARTTLS puts another transport in the first one's place.
        if not self.is_open:
            self.is_open = True
            Connection.opened += 1
            say(opened=Connection.opened, closed=Connection.closed)
        super().connection_made(transport)

    def _timeout_cb(self):
        # The connection is lost only when the client, too, has closed it.
        super()._timeout_cb()
        self.count_closed()

    def connection_lost(self, error):
        super().connection_lost(error)
        self.count_closed()

    def count_closed(self):
        if self.is_open:
            self.is_open = False
            Connection.closed += 1
            say(opened=Connection.opened, closed=Connection.closed)


class Handler:
    """What the commands do."""

    def __init__(self, arguments):
        self.folder = arguments.folder
        self.limit = arguments.mails_per_connection
        self.answers = {(stage, address): answer for stage, address, answer in arguments.answer}
        self.kept = 0

    async def answer(self, connection, stage, address):
        """What is to be answered instead of 250, if anything is."""
        answer = self.answers.get((stage, address))
        if answer == "hang":
            await asyncio.Event().wait()
        if answer == "drop":
            connection.transport.abort()
            raise asyncio.CancelledError
        return answer

    async def handle_MAIL(self, connection, session, envelope, address, options):
        connection.mails += 1
        if self.limit and connection.mails > self.limit:
            await connection.push("421 4.7.0 Too many messages over this connection")
            connection.transport.close()
            raise asyncio.CancelledError
        answer = await self.answer(connection, "mail", address)
        if answer is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer or "250 2.1.0 OK"

    async def handle_RCPT(self, connection, session, envelope, address, options):
        answer = await self.answer(connection, "rcpt", address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 2.1.5 OK"

    async def handle_DATA(self, connection, session, envelope):
        refused = self.answers.get(("data", envelope.rcpt_tos[0]))
        if refused is None or refused in ("hang", "drop"):
            number = self.keep(session, envelope)
        answer = await self.answer(connection, "data", envelope.rcpt_tos[0])
        return answer or f"250 2.0.0 OK: queued as {number}"

    def keep(self, session, envelope):
        self.kept += 1
        path = os.path.join(self.folder, f"{self.kept}.json")
        login = session.auth_data
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "options": envelope.mail_options,
            "user": login.login.decode() if isinstance(login, LoginPassword) else None,
            "encrypted": session.ssl is not None,
            "content": envelope.original_content.decode("utf-8"),
        }
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(mail, file)
        os.rename(path + ".new", path)
        return self.kept


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    parser.add_argument("--tls", choices=["starttls", "tls", "none"], default="starttls")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--no-login", action="store_true", help="offer no way to log in")
    parser.add_argument(
        "--answer",
        nargs=3,
        action="append",
        default=[],
        metavar=("STAGE", "ADDRESS", "ANSWER"),
        help="to mail, rcpt or data, for this sender or recipient: a reply, hang or drop",
    )
    parser.add_argument("--idle-seconds", type=float, default=300)
    parser.add_argument("--mails-per-connection", type=int, default=0)
    return parser.parse_args()


async def serve(arguments):
    context = None
    if arguments.tls != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.certificate, arguments.key)

    def authenticate(server, session, envelope, mechanism, data):
        right = (arguments.user, arguments.password)
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == right, handled=False, auth_data=data)

    handler = Handler(arguments)
    starttls = arguments.tls == "starttls"

    def connection():
        return Connection(
            handler,
            hostname="localhost",
            enable_SMTPUTF8=True,
            tls_context=context if starttls else None,
            require_starttls=starttls,
            auth_required=arguments.user is not None,
            # aiosmtpd knows of no encryption but by STARTTLS.
            auth_require_tls=starttls,
            auth_exclude_mechanism=["LOGIN", "PLAIN"] if arguments.no_login else None,
            authenticator=authenticate,
            timeout=arguments.idle_seconds,
        )

    server = await asyncio.get_running_loop().create_server(
        connection,
        "127.0.0.1",
        0,
        ssl=context if arguments.tls == "tls" else None,
    )
    say(port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


def end_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    threading.Thread(target=end_with_stdin, daemon=True).start()
    asyncio.run(serve(parse_arguments()))
