"""The door of the Train page: shut in a public demo, and where people log in open to those on the list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAuthError

from sat.jobs.access import LIST, allowed, listed
from sat.ui import links

_PROBLEM = "_login_problem"


def permitted() -> bool:
    """Whether whoever uses this session may train; asked by the page, and again by ``Jobs`` at every change."""
    user = who()
    return allowed() and ("is_logged_in" not in user or bool(user["is_logged_in"] and listed(user)))


def who() -> Mapping[str, Any]:
    """What is known of the visitor; ``is_logged_in`` is there only where ``st.login`` is configured."""
    return dict(st.user.to_dict())


def explain() -> None:
    """Say why nothing can be trained from here, and what can be done about it."""
    user = who()
    if not allowed():
        st.markdown(
            "This is a public demo, so nothing can be trained here. On a machine of your own the same page starts "
            "runs, and so do these commands:"
        )
        st.code("make app\npython -m sat jobs submit shapes-soft\npython -m sat jobs list", language="bash")
    elif not user.get("is_logged_in"):
        st.markdown("Log in to train. Everything else here needs no login.")
        problem = st.session_state.pop(_PROBLEM, "")
        if problem:
            st.warning(problem, icon=":material/info:")
        for provider in _providers():
            label = "Log in" + (f" with {provider.capitalize()}" if provider else "")
            st.button(label, icon=":material/login:", key=f"login {provider}", on_click=_login, args=(provider,))
    else:
        st.markdown(
            f"You are logged in as **{links.plain(str(user.get('email') or 'somebody without an address'))}**, who is "
            f"not on the list of those who may train here. Whoever runs this server can add you to `{LIST}`."
        )
        st.button("Log out", icon=":material/logout:", on_click=st.logout, key="logout")


def _providers() -> list[str | None]:
    """The identity providers that the server's secrets name; ``None`` is the only one where it has no name."""
    section = st.secrets["auth"]
    named = [name for name, value in section.items() if isinstance(value, Mapping)]
    return list(named) if named and "client_id" not in section else [None, *named]


def _login(provider: str | None) -> None:
    try:
        st.login(provider)
    except StreamlitAuthError:
        st.session_state[_PROBLEM] = (
            "Logging in does not work yet on this server: its `secrets.toml` needs a complete `[auth]` section, and "
            "`pip install streamlit[auth]` must have been run."
        )
