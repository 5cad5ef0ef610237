"""Status pages that are defined outside of the file."""

from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import export as configuration_export
from heartbeat.definitions import single as single_definition
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.kind import Kind

STATUS_PAGE = Kind(
    name="status page",
    plural="status pages",
    read=lambda _edit, slug, fields: single_definition.read_status_page(slug, fields),
    load=definition_store.status_pages_of,
    put=lambda db, _slug, page: definition_store.put_status_pages(db, [page]),
    remove=lambda db, slug: definition_store.remove_status_pages(db, [slug]),
    written=lambda _slug, page: configuration_export.status_page(page),
    limit=definition_entry.MAX_PAGES,
)
