"""The shape of a node's database, as named steps that are only ever appended to."""

from sqlite_utils import Database, Migrations

STEPS = Migrations("node")


@STEPS()
def m001_truth(db: Database) -> None:
    """Ops and what else can't be derived: vectors, effects, used grants, the audit record."""
    db.conn.execute("PRAGMA secure_delete = ON")
    db.create_table(
        "ops",
        {
            "n": int,
            "feed": str,
            "origin": str,
            "seq": int,
            "hlc": str,
            "kind": str,
            "digest": str,
            "signature": str,
            "salt": str,
            "extra": str,
        },
        pk="n",
        not_null={"feed", "origin", "seq", "hlc", "kind", "digest", "signature"},
    )
    db.table("ops").create_index(["feed", "origin", "seq"], unique=True)
    db.create_table("payloads", {"op": int, "body": str}, pk="op", not_null={"body"})
    db.create_table(
        "vectors", {"feed": str, "origin": str, "seq": int}, pk=("feed", "origin"), not_null={"seq"}
    )
    db.create_table(
        "effects",
        {"key": str, "task": str, "stage": str, "body": str, "asked": str, "result": str},
        pk="key",
        not_null={"task", "stage", "body"},
    )
    db.table("effects").create_index(["task"], unique=True)
    db.create_table("grants_used", {"id": str, "task": str}, pk="id")
    db.create_table("awaited", {"task": str, "told": int}, pk="task", not_null={"told"})
    db.create_table("meta", {"key": str, "value": str}, pk="key")
    db.create_table(
        "audit",
        {
            "n": int,
            "at": int,
            "kind": str,
            "subject": str,
            "op": int,
            "salt": str,
            "digest": str,
            "previous": str,
            "hash": str,
        },
        pk="n",
        not_null={"at", "kind", "subject", "digest", "previous", "hash"},
    )


@STEPS()
def m002_derived(db: Database) -> None:
    """What is read from the ops: dropped and built again whenever needed."""
    db.create_table(
        "tasks",
        {
            "id": str,
            "state": str,
            "keeper": str,
            "target": str,
            "asker": str,
            "person": str,
            "deadline": int,
            "body": str,
        },
        pk="id",
        not_null={"state", "keeper", "target", "asker", "deadline", "body"},
    )
    db.table("tasks").create_index(["state"])
    db.create_table(
        "turns",
        {
            "id": str,
            "conversation": str,
            "device": str,
            "person": str,
            "at": int,
            "utterance": str,
            "closed": int,
            "body": str,
        },
        pk="id",
    )
    db.table("turns").create_index(["device", "at"])
    db.create_table(
        "records",
        {
            "collection": str,
            "id": str,
            "feed": str,
            "data": str,
            "put_at": str,
            "dropped": int,
        },
        pk=("collection", "id"),
        not_null={"feed", "put_at", "dropped"},
    )
    db.create_table(
        "asks",
        {"task": str, "feed": str, "body": str, "text": str, "expires": int, "open": int},
        pk=("task", "feed"),
        not_null={"open"},
    )


DERIVED = ("tasks", "turns", "records", "asks")
"""The tables that hold nothing of their own."""
