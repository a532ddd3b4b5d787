"""What NetCDF files begin with: enough to tell them from the error pages that servers send in their place."""

from __future__ import annotations

from pathlib import Path

from weaverlite.errors import EngineError
from weaverlite.models.results import LocalFile

MEDIA_TYPE = "application/netcdf"
#: As a schema describes a NetCDF file.
SCHEMA = {"type": "string", "contentMediaType": MEDIA_TYPE, "contentEncoding": "binary"}

#: Classic, 64-bit offset, 64-bit data.
_CLASSIC = (b"CDF\x01", b"CDF\x02", b"CDF\x05")
#: Of HDF5, which NetCDF-4 files are; it may stand after a block of the user's.
_HDF5 = b"\x89HDF\r\n\x1a\n"
_PLACES = (0, 512, 1024, 2048)


def check_netcdf(file: LocalFile, what: str) -> LocalFile:
    """Return the file as one of NetCDF. ``what`` names it in the sentence of a refusal.

    :raises EngineError: it is none.
    """
    if not _is_netcdf(file.path):
        raise EngineError(f"{what} is not a NetCDF file: it begins neither like NetCDF 3 nor like NetCDF 4.")
    return LocalFile(path=file.path, name=file.name, media_type=MEDIA_TYPE, source=file.source)


def _is_netcdf(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_PLACES[-1] + len(_HDF5))
    return head.startswith(_CLASSIC) or any(head.startswith(_HDF5, place) for place in _PLACES)
