"""From a submitted notebook to a grade that can be trusted."""

import sys

# jsonschema takes this optional module to check one exotic format, at the price of a grammar built at import
# (about a second of processor time in every process that reads a notebook); None makes it do without.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
