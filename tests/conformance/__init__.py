"""One suite that every store passes, according to the capabilities that it declares.

``capability``  the capabilities of a store
``cases``       which tests show a capability, and how lookups end under each fault
``harness``     how the suite runs a store; one class per store and server, in the descriptions of ``tests/stores``
``gate``        a TCP proxy that breaks connections and answers, for stores that are reached over HTTP
``canaries``    made-up secrets, and every encoding in which they could leak
``traced``      a program that looks secrets up with every log record shown, and prints everything that remains
"""
