"""The words of consent in templates: purposes, what was said, how, and on what ground."""

from __future__ import annotations

from django import template

from crm import statements

register = template.Library()


@register.filter
def purpose_word(name: str) -> str:
    return str(statements.PURPOSES.get(name, name))


@register.filter
def action_word(name: str) -> str:
    return str(statements.ACTIONS.get(name, name))


@register.filter
def method_word(name: str) -> str:
    return str(statements.METHODS.get(name, name))


@register.filter
def basis_word(name: str) -> str:
    return str(statements.BASES.get(name, name))
