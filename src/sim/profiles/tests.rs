use super::*;
use crate::impair::Link;

/// The row of the table above that is true of this network.
fn row(profile: &Profile) -> String {
    let rate = |way: &LinkConfig| match way.rate_bps {
        None => "-".to_owned(),
        Some(bps) => format!("{}", bps as f64 / 1e6),
    };
    let queue = |way: &LinkConfig| {
        queue_time(way).map_or("-".to_owned(), |time| time.as_millis().to_string())
    };
    let loss = match profile.down.loss {
        Loss::TimedBursts { mean_loss, mean_bad } => {
            format!("{} % in {mean_bad:?}", (mean_loss * 1e6).round() / 1e4)
        }
        _ => "-".to_owned(),
    };
    let spread = match &profile.down.spread {
        Spread::None => "-".to_owned(),
        Spread::Exponential { mean } => format!("exponential {mean:?}"),
        Spread::Normal { mean, sd } => format!("normal {mean:?} ± {sd:?}"),
        Spread::Table(table) => format!("table, mean {}ms", table.mean().as_millis()),
        other => format!("{other:?}"),
    };
    let handover =
        profile.handover.map_or("-".to_owned(), |h| format!("{:?} each {:?}", h.gap, h.every));
    let (up, down) = (&profile.up, &profile.down);
    format!(
        "//! | `{}` | {} | {} / {} | {:?} | {} / {} | {spread} | {loss} | {handover} |",
        profile.name,
        profile.title,
        rate(down),
        rate(up),
        profile.base_rtt(),
        queue(down),
        queue(up),
    )
}

#[test]
fn the_table_of_networks_is_true() {
    let head = "//! | name | network | Mbit/s down / up | RTT | queue ms down / up | extra delay down | time lost | handover |\n\
                //! |---|---|---|---|---|---|---|---|\n";
    let rows: Vec<String> = all().iter().map(row).collect();
    let table = format!("{head}{}\n", rows.join("\n"));
    let source = include_str!("../profiles.rs");
    assert!(source.contains(&table), "the table should be:\n{table}");
}

#[test]
fn each_network_is_valid_found_by_its_name_and_says_where_it_is_from() {
    let all = all();
    for profile in &all {
        assert_eq!(Profile::named(profile.name).as_ref(), Some(profile));
        for way in [&profile.up, &profile.down] {
            assert_eq!(way.validate(), Ok(()), "{}", profile.name);
        }
        assert!(!profile.title.is_empty() && !profile.source.is_empty());
        let is_typed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(profile.name.chars().all(is_typed), "{}", profile.name);
    }
    let names = "lan wifi bad-wifi cafe dsl cable 3g 4g 5g satellite-geo satellite-leo \
                 transatlantic intercontinental mobile-handover inflight datacenter modem56k perfect";
    for name in names.split_whitespace() {
        assert_eq!(all.iter().filter(|profile| profile.name == name).count(), 1, "{name}");
    }
    assert_eq!(Profile::named("no such"), None);
}

#[test]
fn radio_loses_in_bursts_and_wires_do_not() {
    for profile in all() {
        let is_radio = profile.down.loss != Loss::None;
        let expected = ["wifi", "cafe", "g", "mobile", "satellite", "inflight"];
        let is_named_so = profile.name != "datacenter"
            && expected.iter().any(|part| profile.name.contains(part))
            && profile.name != "lan";
        assert_eq!(is_radio, is_named_so, "{}", profile.name);
        for way in [&profile.up, &profile.down] {
            assert_eq!(matches!(way.loss, Loss::TimedBursts { .. }), is_radio, "{}", profile.name);
            assert!(!way.reorder.by_jitter && way.reorder.share <= 0.0, "{}", profile.name);
        }
    }
}

#[test]
fn a_full_packet_fits_and_a_full_queue_takes_its_time() {
    for profile in all() {
        for way in [&profile.up, &profile.down] {
            let Some(queue) = queue_time(way) else { continue };
            assert!(way.capacity_bytes >= 3 * 1500, "{}: {}", profile.name, way.capacity_bytes);
            assert!(queue <= Duration::from_secs(3), "{}: {queue:?}", profile.name);
            let calm = LinkConfig { delay: way.delay, ..way.healed() };
            let mut link = Link::new(calm, 1).unwrap();
            let sent = 2 + way.capacity_bytes / 1000;
            let arrivals: Vec<Instant> = (0..sent)
                .flat_map(|_| link.send(Instant::ZERO, vec![0; 972]))
                .map(|arrival| arrival.at)
                .collect();
            assert!(link.stats().overflowed > 0, "{}", profile.name);
            let last = arrivals.iter().max().unwrap().saturating_since(Instant::ZERO);
            let packet = Duration::from_secs_f64(8000.0 / way.rate_bps.unwrap() as f64);
            assert!(last <= way.delay + queue, "{}: {last:?}", profile.name);
            assert!(last + packet * 2 >= way.delay + queue, "{}: {last:?}", profile.name);
        }
    }
}

/// One-way delays of a small datagram every `gap`, in milliseconds, sorted.
fn delays(way: &LinkConfig, gap: Duration, packets: u32) -> Vec<f64> {
    let mut link = Link::new(way.clone(), 3).unwrap();
    let mut delays: Vec<f64> = (0..packets)
        .flat_map(|n| {
            let now = Instant::ZERO + gap * n;
            link.send(now, vec![0; 100]).into_iter().map(move |a| a.at.saturating_since(now))
        })
        .map(|delay| delay.as_secs_f64() * 1e3)
        .collect();
    delays.sort_by(f64::total_cmp);
    delays
}

/// Half of all extra delays are below this, in milliseconds.
fn median_extra(way: &LinkConfig) -> f64 {
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    match &way.spread {
        Spread::None => 0.0,
        Spread::Exponential { mean } => ms(*mean) * std::f64::consts::LN_2,
        Spread::Normal { mean, .. } => ms(*mean),
        Spread::Table(_) => 8.0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn small_datagrams_lose_and_wait_as_much_as_the_profile_says() {
    for profile in all() {
        let (way, packets) = (&profile.down, 100_000);
        // Far enough apart to leave no queue.
        let seen = delays(way, ms(40), packets);
        let on_the_wire = way.rate_bps.map_or(0.0, |rate| 128.0 * 8e3 / rate as f64);
        let base = way.delay.as_secs_f64() * 1e3 + on_the_wire;
        let (least, extra) = (seen[0] - base, seen[seen.len() / 2] - base);
        assert!((-1e-6..1.0).contains(&least), "{}: {least} at least", profile.name);
        // Some wait for the one before them.
        let expected = median_extra(way);
        let range = 0.97 * expected - 1e-6..=1.1 * expected + 1e-6;
        assert!(range.contains(&extra), "{}: {extra}, not {expected}", profile.name);
        let lost = 1.0 - seen.len() as f64 / f64::from(packets);
        let in_bursts = way.loss.mean_loss().unwrap();
        let moving = profile.handover.map_or(0.0, |h| h.gap.as_secs_f64() / h.every.as_secs_f64());
        let expected = in_bursts + moving;
        // Of 4,000 s: the fewest spells are 40, of 100 ms at 0.1 %, with a sigma of 22 %.
        assert!((lost - expected).abs() <= 0.9 * expected, "{}: {lost}, {expected}", profile.name);
    }
}
