"""A directory with one user on Twisted's LDAP server, ldaptor.

    PASSWORD=... python ldap_server.py PORT BASE NAME

The user is ``cn=NAME,ou=people,BASE``. A bind with a wrong password, or without one, is refused.
"""

from __future__ import annotations

import os
import sys
from io import BytesIO

from ldaptor.inmemory import fromLDIFFile
from ldaptor.interfaces import IConnectedLDAPEntry
from ldaptor.protocols.ldap.ldapserver import LDAPServer
from twisted.internet import reactor
from twisted.internet.protocol import ServerFactory
from twisted.python.components import registerAdapter

LDIF = """\
dn: {base}
objectClass: dcObject
dc: example

dn: ou=people,{base}
objectClass: organizationalUnit
ou: people

dn: cn={name},ou=people,{base}
objectClass: person
cn: {name}
sn: {name}
userPassword: {password}

"""


class Directory(ServerFactory):
    """Gives the same tree to every connection."""

    protocol = LDAPServer

    def __init__(self, root: object) -> None:
        self.root = root


def main(port: int, base: str, name: str, password: str) -> None:
    """Serves until it is stopped."""

    def listen(root: object) -> None:
        reactor.listenTCP(port, Directory(root), interface="127.0.0.1")

    registerAdapter(lambda factory: factory.root, Directory, IConnectedLDAPEntry)
    content = LDIF.format(base=base, name=name, password=password)
    fromLDIFFile(BytesIO(content.encode())).addCallback(listen)
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], os.environ["PASSWORD"])
