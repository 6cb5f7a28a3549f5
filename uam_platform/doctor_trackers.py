"""Looks of `uam doctor` at issue trackers (is the token taken, do the rulebook's targets exist) and at the exchange.

Here: one cheap read each. Not here: the other looks (`doctor`), deliveries (`uam_platform.playbooks`).
"""

from typing import TYPE_CHECKING, Any

from uam_platform.policy.playbooks import PlaybookPolicy
from uam_platform.settings import Settings

if TYPE_CHECKING:
    import httpx


def jira(settings: Settings) -> str:
    """Whose token it is, and which projects it sees.

    Raises:
        ValueError: Jira refuses the token, or a project of the rulebook is not to be seen.
    """
    if "jira" not in settings.connected_destinations:
        return "off; to deliver issues set UAM_JIRA_BASE_URL, UAM_JIRA_EMAIL and UAM_JIRA_API_TOKEN"
    import httpx

    from uam_platform.playbooks.clients import jira_login
    from uam_platform.playbooks.jira_session import JiraSession

    session = JiraSession(jira_login(settings), timeout_seconds=10)
    try:
        person = _accepted(session.call("GET", "myself"))
        wanted = sorted(_playbooks(settings).targets("jira"))
        found = _accepted(session.call("GET", "project", "search", params={"keys": wanted})) if wanted else {}
    except httpx.HTTPError as error:
        raise ValueError(f"Jira is out of reach: {error}; check UAM_JIRA_BASE_URL") from error
    finally:
        session.close()
    absent = set(wanted) - {project["key"] for project in found.get("values", [])}
    if absent:
        unknown = ", ".join(sorted(absent))
        raise ValueError(
            f"Jira shows no project {unknown}; name yours in playbooks.yaml, or give the token's user access"
        )
    name = person.get("displayName") or person.get("emailAddress") or person.get("accountId")
    return f"token of {name} accepted; projects {', '.join(wanted) or 'none named'}; {_mode(settings)}"


def linear(settings: Settings) -> str:
    """Whose key it is, and which teams it sees.

    Raises:
        ValueError: Linear refuses the key, or a team of the rulebook is not to be seen.
    """
    if "linear" not in settings.connected_destinations:
        return "off; to deliver issues set UAM_LINEAR_API_KEY"
    import httpx

    from uam_platform.playbooks import linear_record
    from uam_platform.playbooks.clients import linear_login
    from uam_platform.playbooks.linear_session import LinearSession

    session = LinearSession(linear_login(settings), timeout_seconds=10)
    wanted = sorted(_playbooks(settings).targets("linear"))
    try:
        person = _data(session.call(linear_record.VIEWER, {}))["viewer"]
        absent = [t for t in wanted if not _data(session.call(*linear_record.team_by(t)))["teams"]["nodes"]]
    except httpx.HTTPError as error:
        raise ValueError(f"Linear is out of reach: {error}; check UAM_LINEAR_API_URL") from error
    finally:
        session.close()
    if absent:
        raise ValueError(f"Linear shows no team {', '.join(absent)}; name yours in playbooks.yaml by key or id")
    where = person["organization"]["name"]
    return f"key of {person['name']} at {where} accepted; teams {', '.join(wanted) or 'none named'}; {_mode(settings)}"


def exchange(settings: Settings) -> str:
    """Where alerts are told to another tool, and by how many secrets they are signed; nothing is sent.

    Raises:
        ValueError: the address is none, or the folder cannot be written.
    """
    if "exchange" not in settings.connected_destinations:
        return "off; to tell another tool of alerts set UAM_EXCHANGE_OUTBOX_URL and UAM_EXCHANGE_OUTBOX_SECRET"
    from uam_platform.playbooks.clients import exchange_folder, exchange_secrets
    from uam_platform.playbooks.exchange import Receiver

    secrets, folder = exchange_secrets(settings), exchange_folder(settings)
    if folder is None:
        where = Receiver(str(settings.exchange_outbox_url), secrets).url
    else:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "_doctor").write_text("writable", encoding="utf-8")
        (folder / "_doctor").unlink()
        where = f"{folder.absolute()}, which is writable"
    signed = "by two secrets, while one is being replaced" if len(secrets) > 1 else "by one secret"
    return f"alerts go to {where}; signed {signed}; {_mode(settings)}"


def _data(answer: "httpx.Response") -> dict[str, Any]:
    from uam_platform.playbooks.linear_session import body_of, error_text

    body = body_of(answer)
    if body is None:
        raise ValueError("what answers is not Linear's API; check UAM_LINEAR_API_URL")
    if answer.status_code != 200 or body.get("errors"):
        raise ValueError(f"Linear refuses: {error_text(answer)}; check UAM_LINEAR_API_KEY")
    return dict(body["data"])


def _accepted(answer: "httpx.Response") -> dict[str, Any]:
    from uam_platform.playbooks.jira_session import error_text

    if answer.status_code != 200:
        raise ValueError(f"Jira refuses: {error_text(answer)}; check UAM_JIRA_EMAIL and UAM_JIRA_API_TOKEN")
    try:
        body: dict[str, Any] = answer.json()
    except ValueError as error:
        raise ValueError("what answers is not Jira's API; check UAM_JIRA_BASE_URL") from error
    return body


def _playbooks(settings: Settings) -> PlaybookPolicy:
    from uam_platform.policy.company import rulebook_for

    return rulebook_for(settings).playbooks


def _mode(settings: Settings) -> str:
    return "delivers" if settings.actions_enabled else "dry run until UAM_ACTIONS_ENABLED=true"
