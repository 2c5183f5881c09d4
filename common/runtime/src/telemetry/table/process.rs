use super::group;

group! {
    "Programs"
    /// 1. The labels say which version runs.
    tidings_build_info: Gauge [Api Worker] ["program" "version"];
    /// 1 if `/ready` answers 200.
    tidings_ready: Gauge [Api Worker] [];
}
