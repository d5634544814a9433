//! Who gets in, as whom, and for how long.

use super::*;

fn people() -> (tempfile::TempDir, People) {
    let folder = tempfile::tempdir().unwrap();
    let people = People::open(&folder.path().join("state")).unwrap();
    (folder, people)
}

#[tokio::test]
async fn a_key_lets_one_browser_in_once() {
    let (_folder, people) = people();
    let key = people.new_admin_key();
    let cookie = people.enter_by_key(&key, None).await.unwrap();
    let person = people.by_cookie(&cookie).unwrap();
    assert!(person.admin && person.user.as_str().starts_with("web:"));
    people.arrived(&cookie);
    let again = people.enter_by_key(&key, None).await;
    assert!(matches!(again, Err(EnterError::Link(LinkError::Used))));
    let made_up = people.enter_by_key("made-up", None).await;
    assert!(matches!(made_up, Err(EnterError::Link(LinkError::Unknown))));
    assert!(people.by_cookie(&key).is_none());
}

#[tokio::test]
async fn until_its_cookie_has_arrived_a_key_lets_in_again_in_the_place_of_who_it_let_in() {
    let (folder, people) = people();
    let guest = people.new_key(Whose::NewPerson);
    for key in [people.new_admin_key(), guest] {
        let lost = people.enter_by_key(&key, None).await.unwrap();
        assert!(people.look(&key).is_ok(), "it is offered again");
        // Where the second one could not be kept, the first one is still there to be replaced.
        let state = folder.path().join("state");
        std::fs::rename(&state, folder.path().join("away")).unwrap();
        assert!(people.enter_by_key(&key, None).await.is_err());
        std::fs::rename(folder.path().join("away"), &state).unwrap();
        assert!(people.by_cookie(&lost).is_some());
        let cookie = people.enter_by_key(&key, None).await.unwrap();
        assert_eq!(people.by_cookie(&lost), None, "nobody has that session");
        let user = people.by_cookie(&cookie).unwrap().user;
        assert_eq!(people.browsers_of(&user), 1);
        // What else is shown says nothing of it.
        people.arrived(&lost);
        people.arrived("made-up");
        assert!(people.look(&key).is_ok());
        people.arrived(&cookie);
        assert_eq!(people.look(&key), Err(LinkError::Used));
        assert!(people.enter_by_key(&key, None).await.is_err());
        assert!(people.by_cookie(&cookie).is_some(), "who is in stays in");
    }
    people.leave("made-up").await.unwrap();
    assert_eq!(people.book().people(), 2, "of a lost session no person is left");
}

#[test]
fn a_name_is_one_line_without_what_deceives() {
    assert_eq!(shown(" in\u{202e}voice\n\u{200b} 7 "), "invoice 7");
    assert_eq!(shown("\u{2066}"), "");
    assert_eq!(shown(&"ü".repeat(MAX_NAME + 1)).chars().count(), MAX_NAME);
}

#[test]
fn a_key_is_good_for_ten_minutes() {
    let (mut links, now) = (Links::default(), Instant::now());
    let (early, late) = (
        links.make(Whose::NewPerson, now),
        links.make(Whose::NewPerson, now),
    );
    let before = now + LINK_LIFE - std::time::Duration::from_secs(1);
    assert!(links.look(&early, before).is_ok());
    assert!(links.take(&early, before).is_ok());
    assert_eq!(links.look(&early, before).err(), Some(LinkError::Used));
    let after = now + LINK_LIFE;
    assert_eq!(links.look(&early, after).err(), Some(LinkError::Used));
    assert_eq!(links.look(&late, after).err(), Some(LinkError::Old));
    assert_eq!(links.take(&late, after).err(), Some(LinkError::Old));
}

#[test]
fn many_links_push_out_those_that_are_over_first() {
    let (mut links, now) = (Links::default(), Instant::now());
    let good = links.make(Whose::NewPerson, now);
    let used = links.make(Whose::NewPerson, now);
    links.take(&used, now).unwrap();
    for _ in 0..links::MOST - 2 {
        links.make(Whose::NewPerson, now);
    }
    links.make(Whose::NewPerson, now);
    assert!(links.look(&good, now).is_ok());
    assert_eq!(links.look(&used, now).err(), Some(LinkError::Unknown));
    links.make(Whose::NewPerson, now);
    assert_eq!(
        links.look(&good, now).err(),
        Some(LinkError::Unknown),
        "the oldest goes"
    );
}

#[tokio::test]
async fn another_browser_of_somebody_is_the_same_person_and_another_person_is_not() {
    let (_folder, people) = people();
    let first = people.enter_by_key(&people.new_admin_key(), None).await.unwrap();
    let alice = people.by_cookie(&first).unwrap();
    let key = people.new_key(Whose::Of(alice.user.clone()));
    let second = people.enter_by_key(&key, None).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(people.by_cookie(&second).unwrap(), alice);
    let third = people
        .enter_by_key(&people.new_key(Whose::NewPerson), None)
        .await
        .unwrap();
    let bob = people.by_cookie(&third).unwrap();
    assert!(bob.user != alice.user && !bob.admin);
}

#[tokio::test]
async fn a_browser_that_changes_is_nobody_else_any_more() {
    let (_folder, people) = people();
    let cookie = people.new_person().await.unwrap();
    let other = people
        .enter_by_key(&people.new_admin_key(), Some(&cookie))
        .await
        .unwrap();
    assert_eq!(people.by_cookie(&cookie), None);
    assert!(people.by_cookie(&other).unwrap().admin);
}

#[tokio::test]
async fn who_signs_out_everywhere_is_out_everywhere_and_others_stay() {
    let (_folder, people) = people();
    let one = people.enter_by_key(&people.new_admin_key(), None).await.unwrap();
    let two = people.enter_by_key(&people.new_admin_key(), None).await.unwrap();
    let other = people.new_person().await.unwrap();
    let admin = people.by_cookie(&one).unwrap().user;
    assert_eq!(people.browsers_of(&admin), 2);
    people.leave(&one).await.unwrap();
    assert!(people.by_cookie(&one).is_none() && people.by_cookie(&two).is_some());
    let key = people.new_key(Whose::Of(admin.clone()));
    people.leave_everywhere(&admin).await.unwrap();
    assert!(people.by_cookie(&two).is_none() && people.by_cookie(&other).is_some());
    assert!(people.look(&key).is_err(), "nor does a link bring them back");
    people.ended(&two).await;
}

#[tokio::test]
async fn a_link_that_somebody_made_before_they_left_brings_them_back() {
    let (_folder, people) = people();
    let cookie = people.new_person().await.unwrap();
    let user = people.by_cookie(&cookie).unwrap().user;
    let key = people.new_key(Whose::Of(user.clone()));
    people.leave(&cookie).await.unwrap();
    people.new_person().await.unwrap();
    let again = people.enter_by_key(&key, None).await.unwrap();
    assert_eq!(people.by_cookie(&again).unwrap().user, user);
}

#[test]
fn the_book_is_bounded_and_nobody_pushes_others_out() {
    let (mut book, now) = (Book::new(), Timestamp::from_seconds(1_000_000));
    let session = |user: &UserId, age: u64| Session {
        user: user.clone(),
        created: now.plus(std::time::Duration::from_secs(age)),
    };
    let admin = book.admin().unwrap();
    for count in 0..=book::MOST_OF_ONE as u64 {
        book.add_session(format!("a{count}"), session(&admin, count), None)
            .unwrap();
    }
    assert_eq!(book.sessions_of(&admin, now), book::MOST_OF_ONE);
    assert!(book.by_session("a0", now).is_none() && book.by_session("a1", now).is_some());
    for count in book::MOST_OF_ONE..book::MOST_SESSIONS {
        let user = book::new_user();
        book.add_person(&user, false);
        book.add_session(format!("b{count}"), session(&user, 0), None)
            .unwrap();
    }
    let newcomer = book::new_user();
    assert_eq!(
        book.add_session("c".into(), session(&newcomer, 0), Some(&BTreeSet::new())),
        Err(Full)
    );
    assert!(
        book.add_session("d".into(), session(&admin, 99), None).is_ok(),
        "in place of their own"
    );
    book.end_session(&format!("b{}", book::MOST_OF_ONE));
    book.forget_old(now);
    assert_eq!(book.people(), book::MOST_SESSIONS - book::MOST_OF_ONE);
}

#[tokio::test]
async fn sessions_and_names_survive_a_restart_and_links_do_not() {
    let (folder, people) = people();
    let cookie = people.enter_by_key(&people.new_admin_key(), None).await.unwrap();
    let user = people.by_cookie(&cookie).unwrap().user;
    people.rename(&user, " Alice\n\u{7}  A. ").await.unwrap();
    let (name, key) = (people.cookie_name(false), people.new_admin_key());
    drop(people);

    let people = People::open(&folder.path().join("state")).unwrap();
    assert_eq!(
        people.by_cookie(&cookie),
        Some(Person {
            user: user.clone(),
            name: "Alice A.".into(),
            admin: true
        })
    );
    assert_eq!(people.cookie_name(false), name);
    assert!(people.enter_by_key(&key, None).await.is_err());
    let again = people.enter_by_key(&people.new_admin_key(), None).await.unwrap();
    assert_eq!(
        people.by_cookie(&again).unwrap().user,
        user,
        "the administrator stays the same person"
    );
}

#[tokio::test]
async fn the_administrator_stays_the_same_person_when_the_file_is_moved_away() {
    let (folder, people) = people();
    let cookie = people.enter_by_key(&people.new_admin_key(), None).await.unwrap();
    let admin = people.by_cookie(&cookie).unwrap();
    let state = folder.path().join("state");
    std::fs::rename(state.join(FILE), state.join("away")).unwrap();
    let people = People::open(&state).unwrap();
    assert_eq!(people.by_cookie(&cookie), None, "every browser needs a new link");
    let again = people.enter_by_key(&people.new_admin_key(), None).await.unwrap();
    assert_eq!(people.by_cookie(&again).unwrap(), admin);
}

#[tokio::test]
async fn the_file_holds_no_cookie_and_no_key() {
    let (folder, people) = people();
    let key = people.new_admin_key();
    let cookie = people.enter_by_key(&key, None).await.unwrap();
    let kept = std::fs::read_to_string(folder.path().join("state").join(FILE)).unwrap();
    assert!(!kept.contains(&cookie) && !kept.contains(&key), "{kept}");
}

#[tokio::test]
async fn a_link_survives_that_its_session_could_not_be_kept() {
    let (folder, people) = people();
    let key = people.new_admin_key();
    let state = folder.path().join("state");
    std::fs::rename(&state, folder.path().join("away")).unwrap();
    assert!(matches!(
        people.enter_by_key(&key, None).await,
        Err(EnterError::File(_))
    ));
    std::fs::rename(folder.path().join("away"), &state).unwrap();
    assert!(people.enter_by_key(&key, None).await.is_ok());
}

#[tokio::test]
async fn a_proxy_s_name_is_always_the_same_person_and_decides_who_is_administrator() {
    let (_folder, people) = people();
    let admins = ["root@example.org".to_owned()];
    let by = |value: &str| people.by_header(value, &admins);
    let alice = by("alice@example.org").unwrap();
    assert_eq!(by(" alice@example.org ").unwrap(), alice);
    assert_ne!(by("bob@example.org").unwrap().user, alice.user);
    assert!(!alice.admin && alice.name == "alice@example.org");
    assert_eq!(by("  "), None);
    assert!(by("root@example.org").unwrap().admin);
    assert!(!by("ROOT@example.org").unwrap().admin);
    // A name that they choose to show changes nothing about it.
    people.rename(&alice.user, "root@example.org").await.unwrap();
    let renamed = by("alice@example.org").unwrap();
    assert!(!renamed.admin && renamed.name == "root@example.org" && renamed.user == alice.user);
}

#[test]
fn a_session_ends_after_half_a_year() {
    let mut book = Book::new();
    let user = book.admin().unwrap();
    let created = Timestamp::from_seconds(1_000_000);
    book.add_session("d".into(), Session { user, created }, None)
        .unwrap();
    let life = book::SESSION_LIFE;
    assert!(book.by_session("d", created.plus(life)).is_some());
    let later = created.plus(life + std::time::Duration::from_secs(1));
    assert!(book.by_session("d", later).is_none());
    book.forget_old(later);
    assert!(book.by_session("d", created).is_none());
}

#[test]
fn whoever_comes_every_day_never_falls_out() {
    let mut book = Book::new();
    let user = book.admin().unwrap();
    let day = std::time::Duration::from_hours(24);
    let mut now = Timestamp::from_seconds(1_000_000);
    book.add_session("d".into(), Session { user, created: now }, None)
        .unwrap();
    let mut renewals = 0;
    for _ in 0..365 {
        now = now.plus(day);
        assert!(book.by_session("d", now).is_some());
        if book.is_due("d", now) {
            book.renew("d", now);
            renewals += 1;
        }
    }
    assert_eq!(renewals, 365 / 8, "once a week, not with every request");
    let late = now.plus(book::SESSION_LIFE + day);
    assert!(!book.is_due("d", late) && !book.is_due("unknown", now));
}

#[test]
fn a_file_of_another_version_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(FILE);
    std::fs::write(
        &file,
        r#"{"version":2,"install":"a","secret":"b","people":{},"sessions":{}}"#,
    )
    .unwrap();
    let error = People::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("version 2"), "{error}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("\"version\":2"));
}

#[test]
fn the_administrator_always_fits_and_pushes_out_who_works_last() {
    let mut book = Book::new();
    let users: Vec<UserId> = (0..book::MOST_SESSIONS).map(|_| book::new_user()).collect();
    let now = Timestamp::from_seconds(1_000_000);
    let session = |user: &UserId, age: usize| Session {
        user: user.clone(),
        created: now.plus(std::time::Duration::from_secs(age as u64)),
    };
    for (age, user) in users.iter().enumerate() {
        book.add_person(user, false);
        book.add_session(format!("u{age}"), session(user, age), None)
            .unwrap();
    }
    let admin = book.admin().unwrap();
    assert_eq!(book.add_session("a".into(), session(&admin, 0), None), Err(Full));
    let all_but_one = users.iter().filter(|user| **user != users[7]).cloned().collect();
    for (new, gone) in [("a", "u7"), ("b", "u0"), ("c", "u1")] {
        assert!(book.by_session(gone, now).is_some());
        // The own browsers are the oldest, and stay.
        book.add_session(new.into(), session(&admin, 0), Some(&all_but_one))
            .unwrap();
        assert!(book.by_session(gone, now).is_none(), "{gone} gives way to {new}");
    }
    assert_eq!(book.sessions_of(&admin, now), 3);
}

#[test]
fn whoever_makes_many_links_withdraws_nobody_elses() {
    let (mut links, now) = (Links::default(), Instant::now());
    let of = |name: &str| Whose::Of(UserId::parse(name).unwrap());
    let first = links.make(of("web:admin"), now);
    for _ in 0..2 * links::MOST {
        links.make(of("web:guest"), now);
    }
    assert!(links.look(&first, now).is_ok());
}

#[tokio::test]
async fn changes_that_nobody_waits_for_any_more_are_seen_and_none_is_lost() {
    let (_folder, people) = people();
    let people = Arc::new(people);
    let given_up: Vec<_> = (0..20)
        .map(|_| {
            let people = Arc::clone(&people);
            tokio::spawn(async move { people.new_person().await })
        })
        .collect();
    for (number, task) in given_up.iter().enumerate() {
        // At different points of the way.
        for _ in 0..number {
            tokio::task::yield_now().await;
        }
        task.abort();
    }
    // Waits behind all that are under way.
    people.new_person().await.unwrap();
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(&people.path).unwrap()).unwrap();
    assert_eq!(serde_json::to_value(&*people.book()).unwrap(), written);
}
