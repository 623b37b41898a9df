//! How each provider is asked. The addresses of the forms stand with their names.

use super::{EmbedForm, EmbedRequest, Input, Purpose};
use crate::chat::Losses;
use crate::json::Writer;

impl EmbedRequest<'_> {
    pub(super) fn write_openai(&self, model: &str, out: &mut Writer) {
        out.begin().member("model", model).name("input");
        match &self.input {
            Input::Tokens(raw) => {
                out.raw(raw);
            }
            Input::Texts(_) => self.list(out),
        }
        if self.base64 {
            out.member("encoding_format", "base64");
        }
        out.number_if("dimensions", self.dimensions).member_if("user", self.user.as_deref()).end();
    }

    pub(super) fn write_form(&self, form: EmbedForm, model: &str, losses: &mut Losses, out: &mut Writer) {
        let only = self.texts().first().map_or("", |text| &**text);
        out.begin();
        match form {
            EmbedForm::OpenAi => {}
            EmbedForm::Gemini => self.gemini(model, out),
            EmbedForm::VertexPredict => self.vertex(out),
            EmbedForm::CohereV2 => {
                out.member("model", model).member("input_type", self.cohere_purpose()).name("texts");
                self.list(out);
                out.name("embedding_types").list().string("float").end_list();
                out.number_if("output_dimension", self.dimensions);
            }
            EmbedForm::BedrockCohere => {
                out.member("input_type", self.cohere_purpose()).name("texts");
                self.list(out);
                out.number_if("output_dimension", self.dimensions);
            }
            EmbedForm::Ollama => {
                out.member("model", model).name("input");
                self.list(out);
                out.number_if("dimensions", self.dimensions);
                lost(self.purpose.is_some(), "input_type", losses);
            }
            EmbedForm::BedrockTitan => {
                out.member("inputText", only).number_if("dimensions", self.dimensions);
                lost(self.purpose.is_some(), "input_type", losses);
            }
            EmbedForm::BedrockNova => {
                out.member("taskType", "SINGLE_EMBEDDING").name("singleEmbeddingParams").begin();
                out.member("embeddingPurpose", self.nova_purpose());
                out.number_if("embeddingDimension", self.dimensions);
                out.name("text").begin().member("truncationMode", "END").member("value", only).end().end();
            }
            EmbedForm::WorkersAi => {
                out.name("text");
                self.list(out);
                lost(self.dimensions.is_some(), "dimensions", losses);
                lost(self.purpose.is_some(), "input_type", losses);
            }
        }
        out.end();
    }

    fn list(&self, out: &mut Writer) {
        out.list();
        for text in self.texts() {
            out.string(text);
        }
        out.end_list();
    }

    fn gemini(&self, model: &str, out: &mut Writer) {
        let prefix = if model.contains('/') { "" } else { "models/" };
        out.name("requests").list();
        for text in self.texts() {
            out.begin().name("model").strings(&[prefix, model]);
            out.name("content")
                .begin()
                .name("parts")
                .list()
                .begin()
                .member("text", text)
                .end()
                .end_list()
                .end();
            out.member_if("taskType", self.google_purpose());
            out.number_if("outputDimensionality", self.dimensions).end();
        }
        out.end_list();
    }

    fn vertex(&self, out: &mut Writer) {
        out.name("instances").list();
        for text in self.texts() {
            out.begin().member("content", text).member_if("task_type", self.google_purpose()).end();
        }
        out.end_list();
        if let Some(dimensions) = self.dimensions {
            out.name("parameters").begin().name("outputDimensionality").number(dimensions).end();
        }
    }

    /// Cohere has to be told; texts to be searched are the usual case.
    fn cohere_purpose(&self) -> &'static str {
        match self.purpose {
            None | Some(Purpose::Document) => "search_document",
            Some(Purpose::Query) => "search_query",
            Some(Purpose::Classification) => "classification",
            Some(Purpose::Clustering) => "clustering",
        }
    }

    fn google_purpose(&self) -> Option<&'static str> {
        self.purpose.map(|purpose| match purpose {
            Purpose::Document => "RETRIEVAL_DOCUMENT",
            Purpose::Query => "RETRIEVAL_QUERY",
            Purpose::Classification => "CLASSIFICATION",
            Purpose::Clustering => "CLUSTERING",
        })
    }

    fn nova_purpose(&self) -> &'static str {
        match self.purpose {
            None | Some(Purpose::Document) => "GENERIC_INDEX",
            Some(Purpose::Query) => "TEXT_RETRIEVAL",
            Some(Purpose::Classification) => "CLASSIFICATION",
            Some(Purpose::Clustering) => "CLUSTERING",
        }
    }
}

fn lost(is: bool, name: &str, losses: &mut Losses) {
    if is {
        losses.path(name.to_owned());
    }
}
