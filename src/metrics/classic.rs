//! The text in the older of its two forms, which whoever does not ask for OpenMetrics is given: the same samples, with
//! other names in the lines that describe them. Source: Prometheus' documentation of its exposition formats, and
//! `expfmt/openmetrics_create.go`, which says what differs.

/// The content type of the older form.
pub(super) const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The content type of OpenMetrics.
pub(super) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// OpenMetrics text in the older form.
pub(super) fn classic(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = "";
    for line in open_metrics.lines() {
        if let Some(described) = line.strip_prefix("# HELP ") {
            // The type comes next, and decides the name.
            help = described.split_once(' ').map_or("", |(_, help)| help);
        } else if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|described| described.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                other => ("", other),
            };
            text.push_str(&format!(
                "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"
            ));
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Whether a client with that `Accept` wants OpenMetrics: it names it, and does not like the older form better.
pub(super) fn wants_open_metrics(accept: &str) -> bool {
    let quality_of = |wanted: &str| {
        let ranges = accept.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_wanted = parts.next()?.eq_ignore_ascii_case(wanted);
            let quality = parts
                .filter_map(|part| part.split_once('='))
                .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
            let quality = quality.map_or(Some(1.0), |(_, value)| value.trim().parse::<f32>().ok());
            quality.filter(|_| is_wanted)
        });
        ranges.fold(0.0, f32::max)
    };
    let open_metrics = quality_of("application/openmetrics-text");
    open_metrics > 0.0 && open_metrics >= quality_of("text/plain")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_form_names_counters_and_facts_in_full() {
        let open_metrics = "# HELP a_bytes What a\\nis.\n# TYPE a_bytes counter\n# UNIT a_bytes bytes\n\
                            a_bytes_total{x=\"# TYPE\"} 1\n# HELP b B.\n# TYPE b info\nb_info{v=\"1\"} 1\n\
                            # HELP c C.\n# TYPE c gauge\nc 2\n# EOF\n";
        let expected = "# HELP a_bytes_total What a\\nis.\n# TYPE a_bytes_total counter\n\
                        a_bytes_total{x=\"# TYPE\"} 1\n# HELP b_info B.\n# TYPE b_info gauge\nb_info{v=\"1\"} 1\n\
                        # HELP c C.\n# TYPE c gauge\nc 2\n";
        assert_eq!(classic(open_metrics), expected);
    }

    #[test]
    fn who_wants_what() {
        for (accept, expected) in [
            ("", false),
            ("*/*", false),
            ("text/plain", false),
            ("application/openmetrics-text", true),
            ("Application/OpenMetrics-Text; version=1.0.0", true),
            // Prometheus 2.42 and 3.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                true,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                true,
            ),
            (
                "text/plain;version=0.0.4;q=0.9, application/openmetrics-text;q=0.1",
                false,
            ),
            ("application/openmetrics-text;q=0", false),
            ("application/openmetrics-text;q=none", false),
        ] {
            assert_eq!(wants_open_metrics(accept), expected, "{accept}");
        }
    }
}
