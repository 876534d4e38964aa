//! Schedules of cron.

/// Returns whether a text is a schedule: five fields of lists of ranges with steps, or a word, as the controller of
/// CronJobs reads them.
///
/// See <https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax>.
pub fn is_schedule(text: &str) -> bool {
    const WORDS: [&str; 7] =
        ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    if WORDS.contains(&text) {
        return true;
    }
    if let Some(every) = text.strip_prefix("@every ") {
        return every.starts_with(|one: char| one.is_ascii_digit()) && every.ends_with(['h', 'm', 's']);
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let limits: [(u32, u32, &[&str]); 5] =
        [(0, 59, &[]), (0, 23, &[]), (1, 31, &[]), (1, 12, &MONTHS), (0, 6, &DAYS)];
    let holds = |(field, (low, high, names)): (&&str, (u32, u32, &[&str]))| {
        let number = |text: &str| {
            let named = names.iter().position(|name| text.eq_ignore_ascii_case(name));
            let named = named.and_then(|at| u32::try_from(at).ok()).map(|at| at + low);
            let number =
                named.or_else(|| text.parse().ok().filter(|_| text.bytes().all(|one| one.is_ascii_digit())));
            number.filter(|number| (low..=high).contains(number))
        };
        field.split(',').all(|item| {
            let (range, step) =
                item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
            let step_holds = step.is_none_or(|step| step.parse::<u32>().is_ok_and(|step| step > 0));
            let range_holds = matches!(range, "*" | "?")
                || match range.split_once('-') {
                    Some((first, last)) => {
                        number(first).zip(number(last)).is_some_and(|(first, last)| first <= last)
                    }
                    None => number(range).is_some(),
                };
            step_holds && range_holds
        })
    };
    fields.len() == 5 && fields.iter().zip(limits).all(holds)
}

#[cfg(test)]
mod tests {
    use super::is_schedule;

    #[test]
    fn schedules() {
        for text in ["* * * * *", "*/5 0-6,12 1 jan-mar MON", "@daily", "@every 1h", "0 0 ? * 0/2"] {
            assert!(is_schedule(text), "{text}");
        }
        for text in [
            "* * * *",
            "60 * * * *",
            "61 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 7",
            "*/0 * * * *",
            "5-1 * * * *",
            "@often",
            "every day at noon x",
        ] {
            assert!(!is_schedule(text), "{text}");
        }
    }
}
