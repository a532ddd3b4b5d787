"""Names of file formats and their media types: EDAM, IANA and OGC names, and endings of file names."""

from __future__ import annotations

import mimetypes
import re

from weaverlite.ogc.negotiation import is_text

BINARY = "application/octet-stream"
#: Not a media type: what stands for OGC's format of bounding boxes where media types are listed.
BBOX = "ogc-bbox"
DIRECTORY = "inode/directory"

#: EDAM's numbers for the formats that have a media type people use.
_EDAM = {
    "format_1929": "text/x-fasta",
    "format_1930": "text/x-fastq",
    "format_1964": "text/plain",
    "format_1975": "text/x-gff3",
    "format_2330": "text/plain",
    "format_2331": "text/html",
    "format_2332": "application/xml",
    "format_2333": BINARY,
    "format_2572": "application/x-bam",
    "format_2573": "application/x-sam",
    "format_3003": "text/x-bed",
    "format_3016": "text/x-vcf",
    "format_3464": "application/json",
    "format_3468": "application/vnd.ms-excel",
    "format_3462": "application/x-cram",
    "format_3475": "text/tab-separated-values",
    "format_3508": "application/pdf",
    "format_3579": "image/jpeg",
    "format_3590": "application/x-hdf5",
    "format_3591": "image/tiff",
    "format_3592": "image/bmp",
    "format_3603": "image/png",
    "format_3604": "image/svg+xml",
    "format_3620": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "format_3650": "application/netcdf",
    "format_3750": "application/yaml",
    "format_3752": "text/csv",
    "format_3727": "image/tiff; application=ome-tiff",
    "format_3857": "application/cwl",
    "format_3981": "application/x-tar",
    "format_3987": "application/zip",
    "format_3989": "application/gzip",
}

_OGC = {
    "csv": "text/csv",
    "geojson": "application/geo+json",
    "geotiff": "image/tiff; application=geotiff",
    "gml": "application/gml+xml",
    "grib": "application/x-grib2",
    "hdf5": "application/x-hdf5",
    "jpeg2000": "image/jp2",
    "netcdf": "application/netcdf",
    "cog": "image/tiff; application=geotiff; profile=cloud-optimized",
    "geopackage": "application/geopackage+sqlite3",
    "geotiff-cog": "image/tiff; application=geotiff; profile=cloud-optimized",
    "kml": "application/vnd.google-earth.kml+xml",
    "parquet": "application/vnd.apache.parquet",
    "zarr": "application/vnd.zarr",
    "text": "text/plain",
}

_IANA = re.compile(r"(?:^iana:|^mediatype:|/media-types/|/mediatypes/)(?P<name>[a-z]+/[A-Za-z0-9!#$&^_.+-]+)$")
_BARE = re.compile(r"(?:application|audio|font|image|message|model|multipart|text|video)/[A-Za-z0-9!#$&^_.+-]+$")
_EDAM_NAME = re.compile(r"(?:^edam:|edamontology\.org/)(?P<name>format_\d{4})$")
_OGC_NAME = re.compile(r"(?:^ogc:|/media-type/ogc/1\.0/)(?P<name>[\w-]+)$")

#: Endings that the standard library does not know or knows otherwise; no file of the system is asked, so that a
#: result has the same type on every node.
_ENDINGS = {
    ".bam": "application/x-bam",
    ".csv": "text/csv",
    ".cwl": "application/cwl",
    ".fasta": "text/x-fasta",
    ".fastq": "text/x-fastq",
    ".geojson": "application/geo+json",
    ".gml": "application/gml+xml",
    ".gpkg": "application/geopackage+sqlite3",
    ".grib": "application/x-grib2",
    ".grib2": "application/x-grib2",
    ".h5": "application/x-hdf5",
    ".hdf5": "application/x-hdf5",
    ".jp2": "image/jp2",
    ".kml": "application/vnd.google-earth.kml+xml",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".nc": "application/netcdf",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".wasm": "application/wasm",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zarr": "application/vnd.zarr",
}
_TYPES = mimetypes.MimeTypes()
for _ending, _media_type in _ENDINGS.items():
    _TYPES.add_type(_media_type, _ending)


def media_type_of_format(name: str) -> str | None:
    """Return the media type of a format's name (``edam:format_3752``, an IANA or OGC URI, ``text/csv``), or None."""
    if found := _EDAM_NAME.search(name):
        return _EDAM.get(found["name"])
    if found := _IANA.search(name):
        return found["name"]
    if found := _OGC_NAME.search(name):
        return _OGC.get(found["name"].lower())
    return name if _BARE.match(name) else None


def is_bbox_format(name: str) -> bool:
    """Return whether a format's name is that of OGC's bounding boxes."""
    return name.rpartition("/")[2].rpartition(":")[2] == BBOX


def media_type_of_name(name: str) -> str:
    """Return the media type that the ending of a file's name suggests, else the binary one."""
    guessed, encoding = _TYPES.guess_type(name, strict=True)
    if encoding:
        return {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}.get(
            encoding, BINARY
        )
    return guessed or BINARY


def file_schema(media_type: str) -> dict[str, str]:
    """Return the JSON Schema of a file of this type: a string that holds its content."""
    schema = {"type": "string", "contentMediaType": media_type}
    return schema if is_text(media_type) else {**schema, "contentEncoding": "binary"}
