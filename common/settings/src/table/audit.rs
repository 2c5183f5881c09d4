use super::group;
use crate::Setting;

group! {
    "Audit log"
    /// How long entries of the audit log are kept, at least 90 days. A month is deleted once all its entries are so old.
    /// With 0, no entry is ever deleted.
    AUDIT_RETENTION_DAYS: [Worker Tidings] = Setting::number(0, 36_500).default("400").unit("days");
    /// How long the audit log keeps the IP addresses of clients.
    AUDIT_IP_DAYS: [Worker Tidings] = Setting::number(1, 36_500).default("90").unit("days");
}
