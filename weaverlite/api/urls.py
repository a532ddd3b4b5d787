"""The URLs of everything, absolute: below ``weaverlite.server.url`` when it is set, else as the request came."""

from __future__ import annotations

from urllib.parse import quote

from pyramid.request import Request

_SAFE = "-._~!$'()*+,;=:@"


class Urls:
    """Makes URLs for one request. Also the ``Links`` of :mod:`weaverlite.services.results`."""

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")

    @classmethod
    def of(cls, request: Request) -> Urls:
        return cls(request.runtime.settings.server.url or request.application_url)

    def landing(self) -> str:
        return f"{self.base}/"

    def at(self, *segments: str) -> str:
        """Return the URL of these path segments, each escaped."""
        return "/".join((self.base, *(quote(segment, safe=_SAFE) for segment in segments)))

    def process(self, process_id: str) -> str:
        return f"{self.base}/processes/{quote(process_id, safe=_SAFE)}"

    def job(self, job_id: str) -> str:
        return f"{self.base}/jobs/{job_id}"

    def output_file(self, job_id: str, path: str) -> str:
        return f"{self.base}/jobs/{job_id}/{quote(path, safe=_SAFE + '/')}"

    def output(self, job_id: str, output_id: str, index: int | None = None) -> str:
        place = "" if index is None else f"/{index}"
        return f"{self.base}/jobs/{job_id}/results/{quote(output_id, safe=_SAFE)}{place}"

    def upload(self, upload_id: str) -> str:
        return f"{self.base}/vault/{upload_id}"
