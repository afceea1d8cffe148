"""Addresses of links in messages, and of the sandbox's inbox."""

from __future__ import annotations

from django.urls import path, re_path

from channels.views import (
    accounts,
    confirm,
    confirming_words,
    contact,
    data,
    domains,
    follow,
    images,
    leave,
    preferences,
    sandbox,
    sending,
)

app_name = "channels"

urlpatterns = [
    path("c/<str:token>", follow.click, name="click"),
    path("o/<str:token>.gif", follow.opened, name="open"),
    path("u/<str:token>", leave.page, name="unsubscribe"),
    path("p/<str:token>", preferences.page, name="preferences"),
    path("p/<str:token>/data", data.page, name="my-data"),
    path("d/<str:token>", data.copy, name="copy"),
    path("k/code/", confirm.code, name="confirm-code"),
    path("k/code/again/", confirm.again, name="confirm-again"),
    path("k/<str:token>", confirm.page, name="confirm"),
    path("sandbox/", sandbox.inbox, name="sandbox"),
    path("sandbox/<int:number>/", sandbox.message, name="sandbox-message"),
    path("sandbox/<int:number>/html", sandbox.html, name="sandbox-html"),
    re_path(r"^i/(?P<name>[0-9a-f]{32})\.(?P<ext>jpg|png|gif|webp)$", images.show, name="image"),
    path("contacts/<ctc:contact_id>/messages/", contact.messages, name="contact-messages"),
    path("contacts/<ctc:contact_id>/limit/", contact.limit, name="contact-limit"),
    path("contacts/<ctc:contact_id>/preferences/", contact.preferences, name="contact-preferences"),
    path("settings/confirmations/words/<str:language>/", confirming_words.page, name="confirmation-words"),
    path("settings/confirmations/words/<str:language>/reset/", confirming_words.reset, name="confirmation-words-reset"),
    path("images/", images.page, name="images"),
    path("images/picker/", images.picker, name="image-picker"),
    path("images/add/", images.add, name="image-add"),
    path("images/<int:number>/describe/", images.describe, name="image-describe"),
    path("images/<int:number>/remove/", images.remove, name="image-remove"),
    path("settings/sending/", sending.page, name="sending"),
    path("settings/sending/preview/", sending.preview, name="sending-preview"),
    path("settings/sending/save/", sending.save, name="sending-save"),
    path("settings/channels/", accounts.page, name="accounts"),
    path("settings/channels/new/<str:channel>/", accounts.new, name="account-new"),
    path("settings/channels/<int:number>/", accounts.edit, name="account"),
    path("settings/channels/<int:number>/resume/", domains.resume, name="account-resume"),
    path("settings/channels/<int:number>/domain/", domains.check, name="domain-check"),
    path("settings/channels/<int:number>/prefer/", accounts.prefer, name="account-prefer"),
    path("settings/channels/<int:number>/switch/", accounts.switch, name="account-switch"),
]
