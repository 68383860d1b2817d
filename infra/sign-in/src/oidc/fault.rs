//! What the driver's errors mean. Their own texts repeat what the provider sent, so none is kept.

use crate::error::{Fault, misconfigured, refused, unreachable};
use crate::http::HttpFault;
use openidconnect::core::CoreErrorResponseType;
use openidconnect::{
    ClaimsVerificationError, DiscoveryError, RequestTokenError, StandardErrorResponse, UserInfoError,
};
use scanledger_commands::ports::ProviderError;

/// The provider did not say who it is, or which keys it has.
pub(crate) fn of_discovery(error: DiscoveryError<HttpFault>) -> ProviderError {
    match error {
        DiscoveryError::Request(fault) => fault.into(),
        DiscoveryError::Validation(_) => misconfigured(Fault::OtherIssuer),
        DiscoveryError::Response(status, ..) => misconfigured(Fault::Status(status.as_u16())),
        _ => misconfigured(Fault::Configuration),
    }
}

/// The provider gave no tokens for a code.
pub(crate) fn of_code(
    error: RequestTokenError<HttpFault, StandardErrorResponse<CoreErrorResponseType>>,
) -> ProviderError {
    use CoreErrorResponseType as E;
    match error {
        RequestTokenError::Request(fault) => fault.into(),
        RequestTokenError::ServerResponse(response) => match response.error() {
            E::InvalidClient | E::UnauthorizedClient | E::UnsupportedGrantType | E::InvalidScope => {
                misconfigured(Fault::Client)
            }
            // What is wrong with a request that says what it has to is its code.
            E::InvalidGrant | E::InvalidRequest | E::Extension(_) => refused(Fault::Code),
        },
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => unreachable(Fault::Unreadable),
    }
}

/// An identity token is not good.
pub(crate) fn of_token(error: ClaimsVerificationError) -> ProviderError {
    use ClaimsVerificationError as E;
    refused(match error {
        E::Expired(_) => Fault::Expired,
        E::InvalidAudience(_) => Fault::Audience,
        E::InvalidIssuer(_) => Fault::Issuer,
        E::InvalidNonce(_) => Fault::Nonce,
        E::InvalidSubject(_) => Fault::Subject,
        E::SignatureVerification(_) => Fault::Signature,
        _ => Fault::Token,
    })
}

/// The provider did not tell more about a person.
pub(crate) fn of_userinfo(error: UserInfoError<HttpFault>) -> ProviderError {
    match error {
        UserInfoError::Request(fault) => fault.into(),
        UserInfoError::ClaimsVerification(error) => of_token(error),
        UserInfoError::Response(status, ..) => unreachable(Fault::Status(status.as_u16())),
        _ => unreachable(Fault::Unreadable),
    }
}
