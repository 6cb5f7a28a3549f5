"""The rulebook of one company: shipped or own rule files, with what its export mapping says about itself on top.

Here: how a mapping's product type, taxonomy and label change the rulebook. Not here: the sections, the mapping's tables.
"""

from dataclasses import replace
from pathlib import Path

from uam_platform.policy.load import parse, read_yaml, section_path
from uam_platform.policy.mapping import ExportMapping, load_mapping, taxonomy_path
from uam_platform.policy.rulebook import Rulebook, load_rulebook
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.settings import Settings


def rulebook_for(settings: Settings) -> Rulebook:
    """The rulebook of a code location.

    Raises:
        PolicyError: a rulebook file or the mapping is wrong; the message names file and key.
    """
    rulebook = load_rulebook(settings.policy_dir)
    if settings.mapping is None:
        return rulebook
    return with_mapping(rulebook, load_mapping(settings.mapping), settings.mapping)


def taxonomy_file(settings: Settings) -> Path:
    """The file that event names are read from: the mapping's own, else the company's rulebook's, else the shipped one.

    Raises:
        PolicyError: the mapping is wrong.
    """
    return mapped_taxonomy(settings) or section_path("taxonomy", settings.policy_dir)


def mapped_taxonomy(settings: Settings) -> Path | None:
    """The taxonomy file that the company's mapping names, if any."""
    return None if settings.mapping is None else taxonomy_path(load_mapping(settings.mapping), settings.mapping)


def with_mapping(rulebook: Rulebook, mapping: ExportMapping, path: Path) -> Rulebook:
    """`rulebook` with the mapping's product type, taxonomy and label rule."""
    own = taxonomy_path(mapping, path)
    taxonomy = parse(Taxonomy, read_yaml(own), str(own)) if own else rulebook.taxonomy
    changes = {
        "product_type": mapping.company.product_type,
        "accept_unknown": mapping.accept_unknown or taxonomy.accept_unknown,
    }
    rule = mapping.label
    label = {"label_kind": rule.kind, "horizon_days": rule.horizon_days, "label_event": rule.event}
    return replace(
        rulebook,
        taxonomy=taxonomy.model_copy(update=changes),
        churn=rulebook.churn.model_copy(update=label),
    )
