//! The rooms of the console, in the order of the navigation, each with the permission that opens it.

/// A part of the console with pages of its own.
pub struct Room {
    pub path: &'static str,
    pub name: &'static str,
    pub icon: &'static str,
    pub permission: &'static str,
}

const fn room(
    path: &'static str,
    name: &'static str,
    icon: &'static str,
    permission: &'static str,
) -> Room {
    Room { path, name, icon, permission }
}

pub const HOME: &str = "/console";

pub static ALL: [Room; 12] = [
    room(HOME, "Today", "home", "read_self"),
    room("/console/approvals", "Approvals", "done", "follow_approvals"),
    room("/console/customers", "Customers", "people", "read_customers"),
    room("/console/accounts", "Accounts", "list", "read_accounts"),
    room("/console/payments", "Payments", "card", "read_payments"),
    room("/console/reconciliation", "Reconciliation", "receive", "read_merchants"),
    room("/console/merchants", "Merchants", "key", "read_merchants"),
    room("/console/webhooks", "Webhooks", "send", "read_merchants"),
    room("/console/events", "Events", "clock", "read_events"),
    room("/console/figures", "Figures", "chart", "read_figures"),
    room("/console/system", "System", "gear", "read_system"),
    room("/console/members", "Operators", "shield", "read_members"),
];
