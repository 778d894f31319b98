"""The backend on Elasticsearch and OpenSearch."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import ElasticsearchOptions


class ElasticsearchBackend(SecretsBackend):
    """Reads connections, variables and config values that are sealed in an index of Elasticsearch or OpenSearch.

        [secrets]
        backend = strongroom.elasticsearch.ElasticsearchBackend
        backend_kwargs = {"address": "https://search.example.com:9200", "sealing_key_file": "/run/secrets/sealing"}

    The login stands in ELASTICSEARCH_API_KEY, or in ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD.
    """

    _store = "elasticsearch"

    def __init__(self, **options: Unpack[ElasticsearchOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
