//! DynamoDB as a durable store: what may go wrong between a node and it.

#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

#[path = "dynamodb/appends.rs"]
mod appends;
#[path = "dynamodb/layer.rs"]
mod layer;
#[path = "dynamodb/pace.rs"]
mod pace;
#[path = "dynamodb/start.rs"]
mod start;
#[path = "dynamodb/whole.rs"]
mod whole;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};

/// Makes a table as another program might.
async fn foreign_table(client: &Client, name: &str) {
    let attribute = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S).build();
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build();
    let create = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    let create = create.attribute_definitions(attribute.expect("whole")).key_schema(key.expect("whole"));
    create.send().await.expect("made");
}
