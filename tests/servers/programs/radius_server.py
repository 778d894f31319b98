"""A RADIUS server with one user, on pyrad; it accepts one client, on the loopback interface.

    SECRET=... PASSWORD=... python radius_server.py PORT NAME

SECRET is shared with the client, PASSWORD is the user's. It prints ``ready`` when its socket is open.
"""

from __future__ import annotations

import os
import sys
from io import StringIO

from pyrad.dictionary import Dictionary
from pyrad.packet import AccessAccept, AccessReject, AuthPacket
from pyrad.server import RemoteHost, Server

#: Numbers and types of RFC 2865 and, for the last one, RFC 2869.
ATTRIBUTES = """\
ATTRIBUTE User-Name 1 string
ATTRIBUTE User-Password 2 octets
ATTRIBUTE NAS-IP-Address 4 ipaddr
ATTRIBUTE NAS-Port 5 integer
ATTRIBUTE NAS-Identifier 32 string
ATTRIBUTE Message-Authenticator 80 octets
"""


class OneUser(Server):
    """Accepts one name with one password."""

    name = ""
    password = ""

    def HandleAuthPacket(self, pkt: AuthPacket) -> None:
        """Called for each request whose sender is known."""
        given = (pkt["User-Name"][0], pkt.PwDecrypt(pkt["User-Password"][0]))
        code = AccessAccept if given == (self.name, self.password) else AccessReject
        reply = self.CreateReplyPacket(pkt)
        reply.code = code
        self.SendReplyPacket(pkt.fd, reply)


def main(port: int, name: str, secret: str, password: str) -> None:
    """Serves until it is stopped."""
    hosts = {"127.0.0.1": RemoteHost("127.0.0.1", secret.encode(), "tests")}
    server = OneUser(
        addresses=["127.0.0.1"],
        authport=port,
        hosts=hosts,
        dict=Dictionary(StringIO(ATTRIBUTES)),
        acct_enabled=False,
    )
    server.name, server.password = name, password
    print("ready", flush=True)
    server.Run()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], os.environ["SECRET"], os.environ["PASSWORD"])
