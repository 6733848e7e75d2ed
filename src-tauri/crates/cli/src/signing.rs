//! `holdpoint signing`.

use holdpoint_desk::vault::Vault;

use crate::arguments::SigningCommand;
use crate::failure::Failure;
use crate::out;

pub(crate) async fn run(command: &SigningCommand) -> Result<u8, Failure> {
    let vault = Vault::default();
    match command {
        SigningCommand::Create => {
            let key = vault.create_signing_key().await?.public();
            out::tell(&format!("The key {} is in the keychain. Its public half:", key.id()));
            out::text(&key.to_pem());
        }
        SigningCommand::Public => match vault.signing_key().await? {
            Some(key) => {
                out::text(&key.public().to_pem());
            }
            None => {
                return Err(Failure::usage("there is no key; make one with `holdpoint signing create`"));
            }
        },
        SigningCommand::Remove => vault.remove_signing_key().await?,
    }
    Ok(0)
}
