"""One suite that every store passes, by what it says it can do.

``capability``  what a store may be asked to show
``cases``       which tests show a capability, and how lookups end under each fault
``harness``     how the suite handles a store; one class per store and server, in the descriptions of ``tests/stores``
``gate``        a TCP proxy that breaks connections and answers, for stores that are asked over HTTP
``canaries``    made-up secrets and every spelling in which they could leak
``traced``      a program that looks things up with every log record shown, and shows all that it is left with
"""
