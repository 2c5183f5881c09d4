# shellcheck shell=bash
# Prometheus, which `./dev up --observe` starts beside the programs: it scrapes them and evaluates our alerts.

readonly prometheus_dir=$dev_dir/prometheus

# Whether this instance has a Prometheus: until `down --purge` once it was started.
has_prometheus() { [[ -d $prometheus_dir ]]; }

prometheus_url() { printf 'http://127.0.0.1:%s' "${port[prometheus]}"; }

# Creates the folder and chooses the port.
want_prometheus() {
    need_packages prometheus curl
    mkdir -p -- "$prometheus_dir"
    choose_ports prometheus
}

# Prints the configuration: the example in the repository, with the addresses of this instance, and faster, because a person
# waits for it.
prometheus_configuration() {
    local api worker
    api=$(program_url api)
    worker=$(program_url worker)
    sed -e "s#127\.0\.0\.1:8080#${api#http://}#" -e "s#127\.0\.0\.1:8081#${worker#http://}#" \
        -e "s#tidings\.rules\.yaml#$root/deploy/prometheus/&#" -e 's/: 15s$/: 5s/' \
        "$root/deploy/prometheus/prometheus.yaml"
}

# Starts Prometheus, or starts it again if the addresses or the rules have changed.
start_prometheus() {
    local until=$((SECONDS + 60)) new=$prometheus_dir/prometheus.yaml.new started_with
    prometheus_configuration >"$new"
    started_with=$(cat -- "$new" "$root/deploy/prometheus/tidings.rules.yaml" | sha256sum)
    if is_running prometheus; then
        [[ $started_with != "$(cat -- "$run_dir/prometheus.started-with" 2>/dev/null)" ]] || return 0
        stop_prometheus
    fi
    mv -f -- "$new" "$prometheus_dir/prometheus.yaml"
    ensure_ports_free prometheus prometheus
    say "Starting prometheus."
    printf '%s\n' "$started_with" >"$run_dir/prometheus.started-with"
    spawn prometheus "$log_dir/prometheus.log" "$(command -v prometheus)" \
        --config.file="$prometheus_dir/prometheus.yaml" \
        --storage.tsdb.path="$prometheus_dir/data" --storage.tsdb.retention.time=7d \
        --web.listen-address="127.0.0.1:${port[prometheus]}"
    until owns_port prometheus "${port[prometheus]}" &&
        curl --noproxy '*' -fs -o /dev/null --max-time 2 "$(prometheus_url)/-/ready"; do
        if ! is_running prometheus; then
            print_log_end prometheus
            die_if_port_lost prometheus prometheus
            die "prometheus ended during its start"
        fi
        if ((SECONDS >= until)); then
            print_log_end prometheus
            die "prometheus does not answer"
        fi
        sleep 0.1
    done
}

stop_prometheus() { stop_process prometheus TERM 30; }
kill_prometheus() { kill_process prometheus; }
