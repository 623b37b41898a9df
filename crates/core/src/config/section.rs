//! The two macros that make one definition of a section (or of a choice of words) into its type, its reader, and its
//! part of the schema and the reference.

/// `section! { /// doc Name needs ["key"] { /// doc "key" field: Type, … } }`
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $name:ident needs [$($need:literal),*] {
            $( $(#[doc = $doc:literal])+ $key:literal $field:ident: $type:ty, )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Default)]
        pub(in crate::config) struct $name {
            $( $(#[doc = $doc])+ pub(in crate::config) $field: Option<Located<$type>>, )+
        }

        impl Section for $name {
            const KEYS: &'static [&'static str] = &[$($key),+];
            const NEEDS: &'static [&'static str] = &[$($need),*];

            fn take(&mut self, member: &ObjectProp<'_>, at: &At, cx: &mut Cx<'_>) -> bool {
                match member.name.as_str() {
                    $( $key => self.$field = located(&member.value, at, cx), )+
                    _ => return false,
                }
                true
            }

            fn members() -> Vec<Member> {
                vec![$( Member {
                    key: $key.into(),
                    doc: concat!($($doc),+).trim().into(),
                    required: Self::NEEDS.contains(&$key),
                    shape: <$type as Read>::shape(),
                } ),+]
            }
        }

        impl Read for $name {
            fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
                read_section(value, at, cx)
            }
            fn shape() -> Shape {
                Shape::Section(Self::members())
            }
        }
    };
}

/// `choice! { Type { Variant = "word", … } }`: the words of an enum that is defined elsewhere.
macro_rules! choice {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl Read for $name {
            fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
                let parse = |word: &str| match word {
                    $( $word => Some(Self::$variant), )+
                    _ => None,
                };
                read_word(value, &[$($word),+], parse, at, cx)
            }
            fn shape() -> Shape {
                Shape::Choice(vec![$($word.into()),+])
            }
        }
    };
}

pub(super) use {choice, section};
