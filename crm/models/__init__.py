"""Tables of the ground floor, by idea. Models import their siblings by file."""

from crm.models.address import Address, Suppression
from crm.models.audit import AuditEntry
from crm.models.catalogue import Product, Stock
from crm.models.clock import ClockShift
from crm.models.confirmation import Confirmation, ConfirmationRule, EvidenceFile
from crm.models.consent import AddressConsent, ConsentReceipt, ConsentState
from crm.models.contact import Contact, ContactChange, Identifier
from crm.models.demo import DemoItem
from crm.models.duplicate import Duplicate, DuplicateLook
from crm.models.event import Event, EventKey, Reaction
from crm.models.export import ExportJob
from crm.models.field import FieldDefinition
from crm.models.fixedlist import FixedList, ListMember
from crm.models.form import Form, FormAnswer, FormDay, FormFile, FormLetter, FormSeat
from crm.models.group import Group, GroupMember
from crm.models.imports import ImportedContact, ImportedItem, ImportJob, ImportReject
from crm.models.invitation import Invitation
from crm.models.key import ApiKey, IdempotencyRecord, RateCount
from crm.models.merge import ContactMerge, MergeJournal
from crm.models.order import Cart, Order, OrderLine
from crm.models.requestlog import RequestLog
from crm.models.rights import Erasure, RetentionRun, RightsRequest
from crm.models.segment import Dirty, Segment, SegmentChange, SegmentMember
from crm.models.sending import Renewal, SendingRules
from crm.models.tag import ContactTag, Tag
from crm.models.task import Note, Task
from crm.models.team import Membership, Store, User, Workspace
from crm.models.till import Device, StaffPin, TillEntry
from crm.models.wish import Topic, Wish
from crm.models.wording import Wording

__all__ = [
    "Address",
    "AddressConsent",
    "ApiKey",
    "AuditEntry",
    "Cart",
    "ClockShift",
    "Confirmation",
    "ConfirmationRule",
    "ConsentReceipt",
    "ConsentState",
    "Contact",
    "ContactChange",
    "ContactMerge",
    "ContactTag",
    "DemoItem",
    "Device",
    "Dirty",
    "Duplicate",
    "DuplicateLook",
    "Erasure",
    "Event",
    "EventKey",
    "EvidenceFile",
    "ExportJob",
    "FieldDefinition",
    "FixedList",
    "Form",
    "FormAnswer",
    "FormDay",
    "FormFile",
    "FormLetter",
    "FormSeat",
    "Group",
    "GroupMember",
    "IdempotencyRecord",
    "Identifier",
    "ImportJob",
    "ImportReject",
    "ImportedContact",
    "ImportedItem",
    "Invitation",
    "ListMember",
    "Membership",
    "MergeJournal",
    "Note",
    "Order",
    "OrderLine",
    "Product",
    "RateCount",
    "Reaction",
    "Renewal",
    "RequestLog",
    "RetentionRun",
    "RightsRequest",
    "Segment",
    "SegmentChange",
    "SegmentMember",
    "SendingRules",
    "StaffPin",
    "Stock",
    "Store",
    "Suppression",
    "Tag",
    "Task",
    "TillEntry",
    "Topic",
    "User",
    "Wish",
    "Wording",
    "Workspace",
]
