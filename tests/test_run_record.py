"""The run record: read whole or not at all."""

import json
from functools import reduce
from operator import getitem

import pytest

from factories import IDENTITY, NO_CLUSTERS, make_selection
from keyframes.files import write_json
from keyframes.run_record import DamagedRecordError, make_record, read_record

RECORD = make_record(make_selection([3]), NO_CLUSTERS, IDENTITY, "a", {"reading": 1.0})
# Kept, shown, or newer than some records.
UNREAD = {"program", "inertia_histories", "versions", "timings_s", "explanation", "mirrored"}
UNREAD |= {"is_seekable", "match", "pool"}


def list_keys(document, *way):
    """Return the way to each key in a JSON document, but for what is only kept or shown."""
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    keys = []
    for key, value in inner:
        if isinstance(document, dict) and key not in UNREAD:
            keys.append((*way, key))
        if isinstance(value, dict | list) and key not in UNREAD:
            keys += list_keys(value, *way, key)
    return keys


def test_a_whole_record_is_read_and_a_missing_one_is_none(tmp_path):
    path = tmp_path / "v.json"
    assert read_record(path) is None
    write_json(path, json.loads(json.dumps(RECORD, default=str)))
    assert read_record(path)["keyframes"] == RECORD["keyframes"]


@pytest.mark.parametrize("way", list_keys(RECORD), ids=lambda way: ".".join(map(str, way)))
def test_a_record_that_lacks_something_is_damaged(tmp_path, way):
    path = tmp_path / "v.json"
    for change in (dict.pop, empty):
        record = json.loads(json.dumps(RECORD, default=str))
        *above, key = way
        change(reduce(getitem, above, record), key)
        write_json(path, record)
        with pytest.raises(DamagedRecordError, match=r"v\.json: this run record is damaged"):
            read_record(path)


def empty(document, key):
    """Leave nothing of an inner document; without a value of its own, the key goes, too."""
    if isinstance(document[key], dict):
        document[key] = {}
    else:
        del document[key]
