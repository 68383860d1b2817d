//! `import events`.

use crate::replay::demo;
use crate::shell::Place;
use rusqlite::Connection;

fn export(place: &Place) -> String {
    place.run(&["export", "events"]).done()
}

fn import(place: &Place, lines: &str) -> crate::shell::Ran {
    std::fs::write(place.beside("events.ndjson"), lines).expect("a file can be written");
    place.run(&["import", "events", "events.ndjson", "--json"])
}

/// The first lines of an export.
fn first(lines: &str, count: usize) -> String {
    lines.split_inclusive('\n').take(count).collect()
}

/// An export with one line changed.
fn with(lines: &str, number: usize, change: impl Fn(&str) -> String) -> String {
    let lines = lines.split_inclusive('\n').enumerate();
    lines.map(|(index, line)| if index + 1 == number { change(line) } else { line.to_owned() }).collect()
}

/// Imports something else than an export of a place that is set up, and answers why it was refused.
fn refused(change: impl Fn(&str) -> String) -> String {
    let original = export(&Place::set_up());
    let changed = change(&original);
    // Into nothing, and onto a beginning: neither takes anything.
    let empty = Place::new();
    let why = import(&empty, &changed).fails(4);
    assert!(!empty.data().exists() || export(&empty).is_empty());
    let begun = Place::new();
    import(&begun, &first(&original, 2)).done();
    assert_eq!(import(&begun, &changed).fails(4), why);
    assert_eq!(export(&begun), first(&original, 2));
    why
}

#[test]
fn a_log_moves_byte_for_byte_and_its_read_models_say_the_same() {
    let (old, new) = (demo(), Place::new());
    let lines = export(&old);
    let count = lines.lines().count();
    let json = import(&new, &lines).json();
    assert_eq!(
        (&json["position"], &json["events"], &json["skipped"]),
        (&count.into(), &count.into(), &0.into())
    );
    assert_eq!(export(&new), lines);
    new.run(&["rebuild", "--prepare"]).done();
    for file in ["server.key", "state.db"] {
        std::fs::copy(old.data().join(file), new.data().join(file)).unwrap();
    }
    let (old, new) = (old.run(&["verify", "--json"]).json(), new.run(&["verify", "--json"]).json());
    assert_eq!((&old["differences"], &new["differences"]), (&0.into(), &0.into()));
    assert!(old["tables"].as_array().unwrap().len() > 20);
    // What was signed over the old log is as true of the new one.
    for same in ["tables", "checkpoints", "signed", "position", "streams"] {
        assert_eq!(old[same], new[same], "{same}");
    }
}

#[test]
fn json_that_is_not_written_as_usual_moves_byte_for_byte_too() {
    let old = Place::set_up();
    let log = Connection::open(old.data().join("log.db")).unwrap();
    let spread = "UPDATE events SET data = CAST('{ \t' || substr(CAST(data AS TEXT), 2) AS BLOB),
                  metadata = CAST(replace(CAST(metadata AS TEXT), '\":', '\" : ') AS BLOB)";
    assert!(log.execute(spread, []).unwrap() > 3);
    drop(log);
    let (lines, new) = (export(&old), Place::new());
    assert!(
        lines.contains("\"data\":{ \t\"") && lines.contains("\"metadata\":{\"organization\" : "),
        "{lines}"
    );
    import(&new, &lines).done();
    assert_eq!(export(&new), lines);
    let bytes = |place: &Place| -> Vec<(Vec<u8>, Vec<u8>, i64)> {
        let log = Connection::open(place.data().join("log.db")).unwrap();
        let mut select =
            log.prepare("SELECT data, metadata, recorded_at FROM events ORDER BY position").unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert_eq!(bytes(&old), bytes(&new));
}

#[test]
fn standard_input_is_read_too() {
    let (old, new) = (Place::set_up(), Place::new());
    let lines = export(&old);
    let ran = new.run_with(&["import", "events", "-"], lines.trim_end());
    assert!(ran.err.contains("copy server.key, state.db and blobs without blobs/owner"), "{}", ran.err);
    let said = ran.done();
    assert!(
        said.starts_with(&format!("imported {} events up to position ", lines.lines().count())),
        "{said}"
    );
    assert_eq!(export(&new), lines);
}

#[test]
fn an_import_that_was_interrupted_is_simply_run_again() {
    let (old, new) = (Place::set_up(), Place::new());
    let lines = export(&old);
    let count = lines.lines().count();
    import(&new, &first(&lines, 3)).done();
    let json = import(&new, &lines).json();
    assert_eq!((&json["skipped"], &json["events"]), (&3.into(), &(count - 3).into()));
    let json = import(&new, &lines).json();
    assert_eq!((&json["skipped"], &json["events"]), (&count.into(), &0.into()));
    assert_eq!(export(&new), lines);
    let said = new.run(&["import", "events", "events.ndjson"]).done();
    assert!(
        said.contains("imported 0 events") && said.contains(&format!("; {count} were there already")),
        "{said}"
    );
}

#[test]
fn an_import_goes_on_at_the_head() {
    let (old, new) = (Place::set_up(), Place::new());
    import(&new, &export(&old)).done();
    let before = export(&old).lines().count();
    old.run(&["key", "create", "--name", "later"]).done();
    let later = old.run(&["export", "events", "--from", &(before + 1).to_string()]).done();
    let json = import(&new, &later).json();
    assert_eq!((&json["skipped"], &json["position"]), (&0.into(), &(before + 1).into()));
    assert_eq!(export(&new), export(&old));
}

#[test]
fn the_log_of_another_installation_is_refused() {
    let (one, other) = (Place::set_up(), Place::set_up());
    let before = export(&one);
    let why = import(&one, &export(&other)).fails(4);
    assert!(
        why.contains("line 1: the log has another event at position 1") && why.contains("another"),
        "{why}"
    );
    assert_eq!(export(&one), before);
    let why =
        import(&one, &with(&before, 2, |line| line.replacen("\"version\":1", "\"version\":2", 1))).fails(4);
    assert!(why.contains("line 2") && why.contains("its id is the same, its content is not"), "{why}");
    assert_eq!(export(&one), before);
}

#[test]
fn a_part_that_does_not_go_on_at_the_head_is_refused() {
    let lines = export(&Place::set_up());
    let new = Place::new();
    let why = import(&new, &lines.replacen(&first(&lines, 2), "", 1)).fails(4);
    assert!(
        why.contains("line 1: the log ends at position 0, and the file goes on with position 3"),
        "{why}"
    );
    import(&new, &first(&lines, 1)).done();
    let why = import(&new, &lines.replacen(&first(&lines, 2), "", 1)).fails(4);
    assert!(
        why.contains("line 1: the log ends at position 1, and the file goes on with position 3"),
        "{why}"
    );
    assert_eq!(export(&new), first(&lines, 1));
}

#[test]
fn a_line_that_is_left_out_is_missed() {
    let why = refused(|lines| with(lines, 3, |_| String::new()));
    assert!(why.contains("line 3: position 4 does not follow 2"), "{why}");
}

#[test]
fn a_line_that_is_no_event_is_named_and_nothing_of_its_batch_is_written() {
    let refusal = |change: &dyn Fn(&str) -> String| {
        let refusal = refused(|lines| with(lines, 4, change));
        assert!(refusal.contains("line 4: "), "{refusal}");
        refusal
    };
    assert!(refusal(&|_| "\n".to_owned()).contains("this is no event"));
    assert!(refusal(&|line| format!("{}\n", &line[..line.len() / 2])).contains("this is no event"));
    for (text, replaced, why) in [
        (r#""schema":"#, r#""shape":"#, "unknown field `shape`"),
        (r#""schema":1"#, r#""schema":65536"#, "expected u16"),
        (r#""schema":1"#, r#""schema":99"#, "this version does not know"),
        (r#""type":""#, r#""type":"never."#, "this version does not know"),
        (r#""metadata":{"#, r#""metadata":[],"metadata":{"#, "duplicate field"),
        (r#""actor":"#, r#""author":"#, "metadata cannot be read"),
        (r#""position":4"#, r#""position":0"#, "positions begin with 1"),
        (r#"Z"}"#, r#"123Z"}"#, "recordedAt is no instant in UTC with microseconds"),
        (r#"Z"}"#, r#"+00:00"}"#, "recordedAt is no instant in UTC with microseconds"),
    ] {
        let refusal = refusal(&|line| line.replacen(text, replaced, 1));
        assert!(refusal.contains(why), "{why}: {refusal}");
    }
}

#[test]
fn an_event_that_contradicts_the_ones_before_it_is_named() {
    let why = refused(|lines| with(lines, 4, |line| line.replacen("\"version\":1", "\"version\":2", 1)));
    assert!(why.contains("line 4: the event at position 4 does not fit: its version"), "{why}");
    let why = refused(|lines| {
        let at = |line: &str| line.rsplit_once("\"recordedAt\":").unwrap().1.to_owned();
        let third = at(lines.lines().nth(2).unwrap());
        with(lines, 4, |line| line.replacen(at(line.trim_end()).as_str(), &third, 1))
    });
    assert!(why.contains("line 4: the event at position 4 does not fit: it is not later"), "{why}");
    let why = refused(|lines| {
        let id = lines.split("\"id\":\"").nth(3).unwrap()[..36].to_owned();
        with(lines, 4, |line| {
            let own = line.split("\"id\":\"").nth(1).unwrap()[..36].to_owned();
            line.replacen(&own, &id, 1)
        })
    });
    assert!(why.contains("line 4: the event at position 4 does not fit: its id"), "{why}");
}

#[test]
fn a_line_that_never_ends_is_refused_before_it_fills_the_memory() {
    let new = Place::new();
    let why = import(&new, &"x".repeat(8 * 1024 * 1024)).fails(4);
    assert!(why.contains("line 1: it has more than "), "{why}");
    assert!(!new.data().exists());
}

#[test]
fn what_holds_no_events_is_refused_and_makes_no_data_folder() {
    let new = Place::new();
    assert!(import(&new, "").fails(4).contains("there are no events in events.ndjson"));
    assert!(new.run(&["import", "events", "nowhere"]).fails(4).contains("nowhere"));
    assert!(!new.data().exists());
}

#[test]
fn a_running_server_keeps_its_log_to_itself() {
    let place = Place::set_up();
    let lines = export(&place);
    let _server = place.serve();
    let why = import(&place, &lines).fails(4);
    assert!(why.contains("another process has the data folder") && why.contains("needs it alone"), "{why}");
}
