//! The rules for `.proto` files: everything has a comment, and names follow the style guide of Protocol Buffers.

use protox::prost_reflect::{
    DescriptorPool, EnumDescriptor, FileDescriptor, MessageDescriptor, ServiceDescriptor,
};

use super::DESCRIPTORS;

/// The package whose names other programs know. Its methods take and return messages that are not named after them.
const OLDER: &str = "user";

fn files() -> Vec<FileDescriptor> {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("descriptors");
    let own = |file: &FileDescriptor| !file.package_name().starts_with("google.");
    pool.files().filter(own).collect()
}

fn is_pascal_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_snake_case(name: &str, letters: fn(&u8) -> bool) -> bool {
    !name.starts_with('_')
        && !name.ends_with('_')
        && !name.contains("__")
        && name
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_digit() || letters(&byte))
}

/// Collects what is wrong.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn check(&mut self, name: &str, ok: bool, problem: &str) {
        if !ok {
            self.0.push(format!("{name}: {problem}"));
        }
    }

    /// Checks that there is a comment at `path` that is a sentence.
    fn comment(&mut self, file: &FileDescriptor, path: &[i32], name: &str) {
        let proto = file.file_descriptor_proto();
        let locations = proto.source_code_info.as_ref().expect("comments");
        let location = locations.location.iter().find(|at| at.path == path);
        let comment = location.map_or("", |at| at.leading_comments().trim());
        self.check(name, comment.ends_with('.'), "needs a comment");
    }

    fn service(&mut self, file: &FileDescriptor, service: &ServiceDescriptor) {
        let name = service.full_name();
        self.comment(file, service.path(), name);
        self.check(name, is_pascal_case(service.name()), "not PascalCase");
        for method in service.methods() {
            let name = method.full_name();
            self.comment(file, method.path(), name);
            self.check(name, is_pascal_case(method.name()), "not PascalCase");
            if file.package_name() == OLDER {
                continue;
            }
            for (message, suffix) in [(method.input(), "Request"), (method.output(), "Response")] {
                let expected = format!("{}{suffix}", method.name());
                self.check(name, message.name() == expected, &expected);
            }
        }
    }

    fn message(&mut self, file: &FileDescriptor, message: &MessageDescriptor) {
        let name = message.full_name();
        self.comment(file, message.path(), name);
        self.check(name, is_pascal_case(message.name()), "not PascalCase");
        for field in message.fields() {
            let name = field.full_name();
            self.comment(file, field.path(), name);
            let ok = is_snake_case(field.name(), u8::is_ascii_lowercase);
            self.check(name, ok, "not snake_case");
        }
        for choice in message.oneofs().filter(|choice| !choice.is_synthetic()) {
            self.comment(file, choice.path(), choice.full_name());
        }
        for child in message.child_messages() {
            self.message(file, &child);
        }
        for child in message.child_enums() {
            self.choice(file, &child);
        }
    }

    fn choice(&mut self, file: &FileDescriptor, choice: &EnumDescriptor) {
        self.comment(file, choice.path(), choice.full_name());
        for value in choice.values() {
            let name = value.full_name();
            self.comment(file, value.path(), name);
            let ok = is_snake_case(value.name(), u8::is_ascii_uppercase);
            self.check(name, ok, "not UPPER_SNAKE_CASE");
            if value.number() == 0 {
                let ok = value.name().ends_with("_UNSPECIFIED");
                self.check(name, ok, "0 must be UNSPECIFIED");
            }
        }
    }
}

#[test]
fn everything_has_a_comment_and_a_name_in_the_usual_style() {
    let (files, mut problems) = (files(), Problems::default());
    for file in &files {
        let (name, package) = (file.name(), file.package_name());
        problems.comment(file, &[2], name);
        let folder = package.replace('.', "/");
        problems.check(
            name,
            name.starts_with(&format!("{folder}/")),
            "not in the folder of its package",
        );
        for service in file.services() {
            problems.service(file, &service);
        }
        for message in file.messages() {
            problems.message(file, &message);
        }
        for choice in file.enums() {
            problems.choice(file, &choice);
        }
    }
    assert_eq!(problems.0, [""; 0]);
    let services = files.iter().flat_map(FileDescriptor::services);
    let names: Vec<_> = services
        .map(|service| service.full_name().to_owned())
        .collect();
    assert!(
        names.contains(&"tidings.v1.Notifications".to_owned()),
        "{names:?}"
    );
}

#[test]
fn a_file_without_comments_and_with_other_names_is_refused() {
    let source = "syntax = \"proto3\"; package a; message bad_name { string camelCase = 1; }";
    let file = protox::file::File::from_source("a/a.proto", source).expect("a file");
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_proto(file.file_descriptor_proto().clone())
        .expect("a file");
    let (file, mut problems) = (pool.files().next().expect("it"), Problems::default());
    for message in file.messages() {
        problems.message(&file, &message);
    }
    assert_eq!(
        problems.0,
        [
            "a.bad_name: needs a comment",
            "a.bad_name: not PascalCase",
            "a.bad_name.camelCase: needs a comment",
            "a.bad_name.camelCase: not snake_case",
        ]
    );
}
