"""The schema that JUnit reports are held to."""

from __future__ import annotations

from pathlib import Path

import xmlschema

JUNIT = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))
