"""The whole rulebook: every policy section, loaded once and checked together.

Here: the aggregate that is handed to the stages. Not here: the sections (one module each beside this one).
"""

from dataclasses import dataclass
from pathlib import Path

from uam_platform.policy.alerts import AlertPolicy
from uam_platform.policy.answers import answers, check_references
from uam_platform.policy.changes import ChangePolicy
from uam_platform.policy.churn import ChurnPolicy
from uam_platform.policy.cohorts import CohortPolicy
from uam_platform.policy.documents import DocumentPolicy
from uam_platform.policy.durable_value import DurableValue
from uam_platform.policy.duties import DutyPolicy
from uam_platform.policy.identity import IdentityPolicy
from uam_platform.policy.identity_audit import IdentityAuditPolicy
from uam_platform.policy.identity_exclusions import ExclusionPolicy
from uam_platform.policy.issues import IssuePolicy
from uam_platform.policy.journeys import JourneyPolicy
from uam_platform.policy.kpis import KpiPolicy
from uam_platform.policy.load import PolicyError, load_section
from uam_platform.policy.logs import LogPolicy
from uam_platform.policy.mining import MiningPolicy
from uam_platform.policy.playbooks import PlaybookPolicy
from uam_platform.policy.quality import QualityPolicy
from uam_platform.policy.questions import QuestionPolicy
from uam_platform.policy.reviews import ReviewPolicy
from uam_platform.policy.scores import ScorePolicy
from uam_platform.policy.sequences import SequencePolicy
from uam_platform.policy.sessions import SessionPolicy, SessionRule
from uam_platform.policy.sources import SourceMap
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.policy.time import TimePolicy
from uam_platform.policy.topics import TopicPolicy


@dataclass(frozen=True)
class Rulebook:
    """All sections of the rulebook."""

    time: TimePolicy
    taxonomy: Taxonomy
    sessions: SessionPolicy
    identity: IdentityPolicy
    identity_audit: IdentityAuditPolicy
    identity_exclusions: ExclusionPolicy
    churn: ChurnPolicy
    kpis: KpiPolicy
    durable_value: DurableValue
    scores: ScorePolicy
    alerts: AlertPolicy
    playbooks: PlaybookPolicy
    reviews: ReviewPolicy
    sequences: SequencePolicy
    journeys: JourneyPolicy
    cohorts: CohortPolicy
    mining: MiningPolicy
    issues: IssuePolicy
    topics: TopicPolicy
    changes: ChangePolicy
    logs: LogPolicy
    documents: DocumentPolicy
    quality: QualityPolicy
    questions: QuestionPolicy
    duties: DutyPolicy
    sources: SourceMap

    @property
    def session_rule(self) -> SessionRule:
        """Session rule of the company's product type."""
        return self.sessions.rule(self.taxonomy.product_type)


def load_rulebook(directory: Path | None = None) -> Rulebook:
    """The company's rulebook: own files from `directory`, shipped ones for the rest.

    Raises:
        PolicyError: a file is wrong; the message names file, key and what is expected.
    """
    if directory is not None and not directory.is_dir():
        raise PolicyError(
            f"UAM_POLICY_DIR={directory}: no such folder; name the folder of your rulebook files, or leave it empty"
        )
    rulebook = Rulebook(
        time=load_section(TimePolicy, "time", directory),
        taxonomy=load_section(Taxonomy, "taxonomy", directory),
        sessions=load_section(SessionPolicy, "sessions", directory),
        identity=load_section(IdentityPolicy, "identity", directory),
        identity_audit=load_section(IdentityAuditPolicy, "identity_audit", directory),
        identity_exclusions=load_section(ExclusionPolicy, "identity_exclusions", directory),
        churn=load_section(ChurnPolicy, "churn", directory),
        kpis=load_section(KpiPolicy, "kpis", directory),
        durable_value=load_section(DurableValue, "durable_value", directory),
        scores=load_section(ScorePolicy, "scores", directory),
        alerts=load_section(AlertPolicy, "alerts", directory),
        playbooks=load_section(PlaybookPolicy, "playbooks", directory),
        reviews=load_section(ReviewPolicy, "reviews", directory),
        sequences=load_section(SequencePolicy, "sequences", directory),
        journeys=load_section(JourneyPolicy, "journeys", directory),
        cohorts=load_section(CohortPolicy, "cohorts", directory),
        issues=load_section(IssuePolicy, "issues", directory),
        mining=load_section(MiningPolicy, "mining", directory),
        topics=load_section(TopicPolicy, "topics", directory),
        changes=load_section(ChangePolicy, "changes", directory),
        logs=load_section(LogPolicy, "logs", directory),
        documents=load_section(DocumentPolicy, "documents", directory),
        quality=load_section(QualityPolicy, "quality", directory),
        questions=load_section(QuestionPolicy, "questions", directory),
        duties=load_section(DutyPolicy, "duties", directory),
        sources=load_section(SourceMap, "sources", directory),
    )
    groups = rulebook.scores.action_groups
    unknown = [group for group in rulebook.alerts.action_groups() if group not in groups]
    if unknown:
        known = ", ".join(sorted(groups))
        raise PolicyError(f"alerts.yaml: no group of actions {unknown[0]!r} in scores.yaml; use one of {known}")
    rulebook.sources.check(rulebook.questions)
    check_references(answers(rulebook.alerts, rulebook.scores, rulebook.reviews), rulebook.questions)
    return rulebook
